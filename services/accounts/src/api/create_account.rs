//! Creates an account.

use plaza_core::{AccountId, Cx, Result, Timestamp, Violations, reason};
use plaza_proto::accounts::v1::{CreateAccountRequest, CreateAccountResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::profile::{check_display_name, display_name_or};
use crate::domain::{Email, Handle, NewAccount};
use crate::store::{Created, Written};

/// How many ids are tried: two clashes in a row do not happen by chance.
const TRIES: usize = 3;

pub(crate) async fn create_account(h: &Handler, cx: &Cx, req: CreateAccountRequest) -> Result<CreateAccountResponse> {
    let draft = Draft::read(&req)?;
    // A repeated request is answered without hashing again.
    let written = match h.store.recall_created(cx).await? {
        Some(written) => written,
        None => create(h, cx, &draft, req.password).await?,
    };
    cx.wrote(SOURCE, written.position);
    let Created { id, at } = written.value;
    let account = draft.account(id, Timestamp(at)).into_account();
    Ok(CreateAccountResponse { account: Some(present::account(&account, Some(id))) })
}

async fn create(h: &Handler, cx: &Cx, draft: &Draft, password: String) -> Result<Written<Created>> {
    // The clash that can be seen before is not worth a hash.
    h.store.check_free(cx, &draft.handle, &draft.email).await?;
    let credential = h.passwords.hash(cx, password).await?;
    let mut tries = 1;
    loop {
        let account = draft.account(AccountId(h.env.next_id()), h.env.now());
        match h.store.create(cx, account, credential.clone()).await {
            Err(error) if error.is(reason::ID_CLASH) && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

/// What the request asks for, checked.
struct Draft {
    handle: Handle,
    email: Email,
    display_name: String,
}

impl Draft {
    fn read(req: &CreateAccountRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let email = Email::new(&req.email);
        email.check("email", &mut violations);
        check_display_name("display_name", &req.display_name, &mut violations);
        violations.into_result()?;
        let handle = Handle::wanted(&req.handle)?;
        let display_name = display_name_or(handle.as_str(), &req.display_name);
        Ok(Self { handle, email, display_name })
    }

    fn account(&self, id: AccountId, at: Timestamp) -> NewAccount {
        let (handle, email) = (self.handle.clone(), self.email.clone());
        NewAccount { id, handle, email, display_name: self.display_name.clone(), at }
    }
}
