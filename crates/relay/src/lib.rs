//! The egress relay: what NGINX did in the vendor guide, made safe
