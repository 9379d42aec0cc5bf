"""The page of a person's own ways to sign in, and what they are told of changes."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "security_title": ("登录与安全", "How you sign in"),
    "security_back": ("返回登录与安全", "Back to how you sign in"),
    "security_no_phone": ("尚未绑定手机号。", "There is no phone number yet."),
    "security_change_phone": ("更换手机号", "Change the phone number"),
    "security_add_phone": ("绑定手机号", "Add a phone number"),
    "security_phone_line": (
        "验证码将发到新号码；原号码会收到通知，其他设备将退出登录。",
        "The code goes to the new number. The old number is told, and your other devices are signed out.",
    ),
    "security_new_phone": ("新手机号", "New phone number"),
    "security_phone_sent": ("已向 {phone} 发送六位验证码。", "Six digits were sent to {phone}."),
    "security_take_phone": ("使用这个号码", "Use this number"),
    "security_passkey_line": (
        "用指纹、面容或锁屏密码登录，不会被钓鱼网站骗取。",
        "Sign in with fingerprint, face or screen lock. A false website cannot ask for it.",
    ),
    "security_no_passkeys": (
        "此网站尚无域名，浏览器不能为它创建通行密钥。",
        "This site has no name of its own yet, so browsers make no passkeys for it.",
    ),
    "security_passkey_made": ("{day} 添加", "Added {day}"),
    "security_passkey_used": ("最近使用 {day}", "last used {day}"),
    "security_passkey_synced": ("已在您的设备间同步", "synced between your devices"),
    "security_add_passkey": ("添加通行密钥", "Add a passkey"),
    "security_make_passkey": ("在此设备上创建", "Make it on this device"),
    "security_remove_passkey": ("移除“{label}”", "Remove “{label}”"),
    "security_passkey_label": ("名称", "Its name"),
    "security_passkey_label_hint": (
        "便于以后辨认，例如“我的手机”。",
        "So that you know it again, such as “my phone”.",
    ),
    "security_new_password": ("新密码", "New password"),
    "security_others_end": ("其他设备将退出登录。", "Your other devices will be signed out."),
    "security_change_password": ("更改密码", "Change the password"),
    "security_set_password": ("设置密码", "Set a password"),
    "security_remove_password": ("不再使用密码", "Stop using a password"),
    "security_second": ("第二步验证", "Second step"),
    "security_second_line": (
        "更改订单或审批等操作可能要求再验证一次。",
        "Some acts ask for one more proof after signing in.",
    ),
    "security_app_on": ("已启用。", "It is set up."),
    "security_add_app": ("设置验证器应用", "Set up an authenticator app"),
    "security_remove_app": ("停用验证器应用", "Remove the authenticator app"),
    "security_app_line": (
        "用验证器应用扫描二维码，然后输入它显示的六位数字。",
        "Scan the code with your authenticator app, then type the six digits it shows.",
    ),
    "security_app_picture": ("供验证器应用扫描的二维码", "A QR code for your authenticator app"),
    "security_app_by_hand": ("无法扫描时手动输入：", "If you cannot scan it, type this:"),
    "security_confirm_app": ("启用", "Turn it on"),
    "security_codes_left": ("还有 {count} 个未使用。", "{count} are left."),
    "security_make_codes": ("生成新的恢复码", "Make new recovery codes"),
    "security_codes_line": (
        "请抄写或打印并妥善保管。每个只能用一次，离开本页后不再显示；以前的恢复码已失效。",
        "Write them down or print them. Each works once, and they are not shown again. Older ones no longer work.",
    ),
    "security_told": ("账号通知", "What we told you"),
    "security_told_nothing": ("没有通知。", "Nothing so far."),
    "left_phone_changed": ("因更换手机号而结束", "Ended because the phone number was changed"),
    "left_recovered_at_window": ("因在车站窗口找回账号而结束", "Ended because the account was recovered at a window"),
    "last_way_in": (
        "这是您唯一的登录方式，不能移除。请先添加另一种。",
        "This is your only way to sign in. Add another one before you remove it.",
    ),
    "passkey_too_many": (
        "通行密钥数量已达上限，请先移除一个。",
        "You have as many passkeys as there may be. Remove one.",
    ),
    "notice_password_changed": (
        "您的密码已更改，其他设备已退出登录。若非本人操作，请携带证件到车站窗口办理。",
        "Your password was changed and your other devices were signed out. If it was not you, come to a station window"
        " with your ID document.",
    ),
    "notice_password_removed": (
        "您的账号已不再使用密码。若非本人操作，请携带证件到车站窗口办理。",
        "Your account has no password any more. If it was not you, come to a station window with your ID document.",
    ),
    "notice_phone_changed": (
        "您账号的手机号已更换，其他设备已退出登录。若非本人操作，请携带证件到车站窗口办理。",
        "Your account has a new phone number and your other devices were signed out. If it was not you, come to a"
        " station window with your ID document.",
    ),
    "notice_passkey_added": (
        "您的账号添加了一个通行密钥。若非本人操作，请移除它并更改密码。",
        "A passkey was added to your account. If it was not you, remove it and change your password.",
    ),
    "notice_passkey_removed": ("通行密钥“{label}”已移除。", "The passkey “{label}” was removed."),
    "notice_totp_added": ("您的账号启用了验证器应用。", "An authenticator app was set up for your account."),
    "notice_totp_removed": (
        "您账号的验证器应用已停用。若非本人操作，请更改密码。",
        "The authenticator app was removed from your account. If it was not you, change your password.",
    ),
    "notice_recovery_codes_made": (
        "您的账号生成了新的恢复码，以前的已失效。",
        "New recovery codes were made for your account; those from before no longer work.",
    ),
}
