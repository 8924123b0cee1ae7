//! Accounts: the robots that actions, the relay and `watchbell send` speak to, from one table.

use std::collections::BTreeMap;

use super::{SettingsError, Written};

/// `<type>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountName {
    pub(crate) kind: AccountKind,
    pub(crate) name: String,
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AccountKind {
    DingTalk,
}

impl AccountKind {
    const ALL: [AccountKind; 1] = [AccountKind::DingTalk];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            AccountKind::DingTalk => "dingtalk",
        }
    }
}

/// One account as it was written; the webhook and the secret are never shown.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) webhook: String,
    pub(crate) secret: Option<String>,
    pub(crate) keywords: Vec<String>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("signed", &self.secret.is_some()).field("keywords", &self.keywords).finish_non_exhaustive()
    }
}

pub(super) fn read(written: &Written) -> Result<BTreeMap<AccountName, Account>, SettingsError> {
    let mut accounts = BTreeMap::new();
    for kind in AccountKind::ALL {
        let prefix = format!("xpack.notification.{}.account", kind.as_str());
        for name in written.children(&prefix) {
            let of = |member: &str| format!("{prefix}.{name}.{member}");
            let webhook =
                written.text(&of("secure_webhook"))?.map(str::trim).filter(|webhook| !webhook.is_empty()).ok_or_else(|| {
                    SettingsError::invalid(&of("secure_webhook"), "is missing: the robot's webhook URL, from `${ENV}` or `secure_webhook_file`")
                })?;
            let account = Account {
                webhook: webhook.to_owned(),
                secret: written.text(&of("secure_secret"))?.map(str::trim).filter(|secret| !secret.is_empty()).map(str::to_owned),
                keywords: written.list(&of("keywords")).unwrap_or_default(),
            };
            accounts.insert(AccountName { kind, name }, account);
        }
    }
    Ok(accounts)
}

/// The account that a person means by `<type>/<name>`, or by a name alone where that is unique.
pub(crate) fn find<'a>(accounts: impl Iterator<Item = &'a AccountName> + Clone, wanted: &str) -> Result<&'a AccountName, String> {
    let fits = |account: &&AccountName| account.name == wanted || account.to_string() == wanted;
    let mut found = accounts.clone().filter(fits);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(format!("[{wanted}] may be {one} or {other}: name the type too")),
        (None, _) => {
            let known: Vec<String> = accounts.map(ToString::to_string).collect();
            match known.is_empty() {
                true => Err(format!("no account [{wanted}]: none is configured (xpack.notification.dingtalk.account.<name>.secure_webhook)")),
                false => Err(format!("no account [{wanted}], there are {}", known.join(", "))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(yaml: &str) -> Result<BTreeMap<AccountName, Account>, SettingsError> {
        read(&Written::from_yaml(yaml, "test").unwrap())
    }

    #[test]
    fn an_account_is_read_and_never_shown() {
        let accounts = accounts(
            "xpack.notification.dingtalk.account:\n  ops:\n    secure_webhook: https://oapi.dingtalk.com/robot/send?access_token=CANARY\n    secure_secret: SECCANARY\n    keywords: [alert, 告警]\n",
        )
        .unwrap();
        let (name, account) = accounts.first_key_value().unwrap();
        assert_eq!(name.to_string(), "dingtalk/ops");
        assert_eq!(account.keywords, ["alert", "告警"]);
        assert!(!format!("{account:?}").contains("CANARY"));
        assert_eq!(find(accounts.keys(), "ops").unwrap(), name);
        assert_eq!(find(accounts.keys(), "dingtalk/ops").unwrap(), name);
        assert_eq!(find(accounts.keys(), "dev").unwrap_err(), "no account [dev], there are dingtalk/ops");
    }

    #[test]
    fn an_account_without_webhook_is_refused() {
        let error = accounts("xpack.notification.dingtalk.account.ops.keywords: a\n").unwrap_err();
        assert!(error.to_string().starts_with("setting [xpack.notification.dingtalk.account.ops.secure_webhook]: is missing"));
    }
}
