//! A stand-in for the chat robots, with a page that shows the group chat
