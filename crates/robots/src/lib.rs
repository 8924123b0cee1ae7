//! What DingTalk, WeCom and Feishu robots are: messages, limits, signatures, answers
