//! From a request template to a request (spec watcher-parts §9.2); what renders the templates is handed in.

use watchbell_json::Failure;

use crate::{
    http_request::{HttpRequest, HttpRequestTemplate},
    template::TextTemplate,
};

impl HttpRequestTemplate {
    /// Renders every template of the request with `render`.
    ///
    /// # Errors
    /// The first failure of `render`.
    pub fn render(&self, render: &mut dyn FnMut(&TextTemplate) -> Result<String, Failure>) -> Result<HttpRequest, Failure> {
        let path = self.path.as_ref().map(&mut *render).transpose()?;
        let mut params = std::collections::BTreeMap::new();
        for (name, value) in &self.params {
            params.insert(name.clone(), render(value)?);
        }
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        let given = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(preset) = self.body.as_ref().and_then(TextTemplate::content_type).filter(|_| !given) {
            headers.push(("Content-Type".to_owned(), preset));
        }
        for (name, value) in &self.headers {
            headers.push((name.clone(), render(value)?));
        }
        let body = self.body.as_ref().map(&mut *render).transpose()?;
        Ok(HttpRequest {
            scheme: self.scheme,
            host: self.host.clone(),
            port: self.port,
            method: self.method,
            path,
            params,
            headers,
            auth: self.auth.clone(),
            body,
            connection_timeout_millis: self.connection_timeout_millis,
            read_timeout_millis: self.read_timeout_millis,
            proxy: self.proxy.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::RedactedSecret;
    use watchbell_json::json;

    #[test]
    fn every_template_is_rendered_and_an_object_body_presets_its_content_type() {
        let template =
            HttpRequestTemplate::parse(&json!({"url": "http://h:1/p?a=b", "headers": {"X": "y"}, "body": {"source": {"k": "v"}}}), RedactedSecret::Refuse)
                .unwrap();
        let request = template.render(&mut |template| Ok(format!("<{}>", template.source().unwrap_or_default()))).unwrap();
        assert_eq!(
            request.to_record_json().to_string(),
            r#"{"host":"h","port":1,"scheme":"http","method":"get","path":"</p>","params":{"a":"<b>"},"headers":{"Content-Type":"application/json","X":"<y>"},"body":"<{\"k\":\"v\"}>"}"#
        );
        assert!(template.render(&mut |_| Err(Failure::parse("no"))).is_err());
    }
}
