"""The page that asks for one more proof."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "second_title": ("再确认一次是您本人", "Confirm it is you"),
    "second_line": (
        "{name}，这一步需要两种不同的验证。",
        "{name}, this needs a second proof of another kind.",
    ),
    "second_nothing": (
        "您的账号还没有可用的第二种验证方式。",
        "Your account has no second proof yet that could be used here.",
    ),
    "second_set_up": ("去设置验证方式", "Set one up"),
    "second_passkey_button": ("使用通行密钥确认", "Confirm with a passkey"),
    "second_code_line": ("我们将向 {phone} 发送六位验证码。", "We will send six digits to {phone}."),
    "second_code_sent": (
        "已向 {phone} 发送六位数字，{minutes} 分钟内有效。",
        "Six digits were sent to {phone}. They are good for {minutes} minutes.",
    ),
    "second_field_totp": ("验证器应用中的六位数字", "Six digits from your authenticator app"),
    "second_field_recovery_code": ("一个未用过的恢复码", "A recovery code that you have not used"),
    "second_other_ways": ("其他方式", "Other ways"),
    "second_way_passkey": ("通行密钥", "Passkey"),
    "second_way_totp": ("验证器应用", "Authenticator app"),
    "second_way_code": ("手机验证码", "Code by message"),
    "second_way_password": ("密码", "Password"),
    "second_way_recovery_code": ("恢复码", "Recovery code"),
    "second_decline": ("现在不确认", "Not now"),
    "wrong_totp": (
        "数字不正确、已用过或已过期。请等验证器显示下一组数字后再试。",
        "These digits are wrong, used or too old. Wait for the next ones and try again.",
    ),
    "wrong_recovery_code": ("恢复码不正确或已用过。", "This recovery code is wrong or was used before."),
}
