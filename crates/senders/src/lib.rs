//! One module a channel: build the request, send, classify the answer
