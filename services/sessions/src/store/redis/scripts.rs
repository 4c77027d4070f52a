//! The scripts; each file tells what its own does.

use std::sync::LazyLock;

use plaza_stores::redis::Script;

macro_rules! scripts {
    ($($name:ident: $($file:literal)*;)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("prelude.lua"), $(include_str!($file)),*)));)*
    };
}

scripts! {
    OPEN: "once.lua" "outbox.lua" "factor.lua" "open.lua";
    RECALL: "once.lua" "recall.lua";
    REFRESH: "once.lua" "outbox.lua" "refresh.lua";
    END: "once.lua" "end.lua";
    END_ALL: "once.lua" "end_all.lua";
    GUESS: "tallies.lua" "guess.lua";
    GUESSED: "outbox.lua" "tallies.lua" "guessed.lua";
    FACTOR_BEGIN: "once.lua" "factor.lua" "factor_begin.lua";
    FACTOR_CONFIRM: "once.lua" "outbox.lua" "factor.lua" "factor_confirm.lua";
    FACTOR_DROP: "once.lua" "outbox.lua" "factor.lua" "factor_drop.lua";
    FACTOR_READ: "factor.lua" "factor_read.lua";
    APP_CREATE: "once.lua" "outbox.lua" "app_create.lua";
    APP_REVOKE: "once.lua" "app_revoke.lua";
    APP_LIST: "app_list.lua";
    LIST: "list.lua";
    DEVICES: "devices.lua";
    REVOKED: "revoked.lua";
    KEYS: "keys.lua";
    KEY_ADD: "key_add.lua";
    KEY_DROP: "key_drop.lua";
    HELD: "held.lua";
    ERASE: "erase.lua";
    PRUNE: "prune.lua";
    OUTBOX_READ: "outbox_read.lua";
    OUTBOX_DEPTH: "outbox_depth.lua";
    OUTBOX_PRUNE: "outbox_prune.lua";
}
