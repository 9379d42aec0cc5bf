"""The frame of a signed-in person's pages: the way between them."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "account_title": ("我的账号", "My account"),
    "account_nav": ("账号页面", "Account pages"),
    "account_nav_home": ("首页", "Home"),
    "account_nav_sessions": ("设备与登录", "Devices and sign-ins"),
    "account_line_sessions": (
        "查看在哪些设备和渠道登录，退出其中一处或全部。",
        "See where you are signed in, and sign out of one place or of all.",
    ),
    "account_nav_security": ("登录与安全", "Security"),
    "account_line_security": (
        "密码、通行密钥和动态验证码。",
        "Password, passkeys and authenticator codes.",
    ),
    "account_nav_links": ("已关联账号", "Linked accounts"),
    "account_line_links": (
        "把各渠道的旧账号合并为一个实名身份。",
        "Join your old accounts of the channels to one identity.",
    ),
    "account_nav_agents": ("我的代理", "My agents"),
    "account_line_agents": (
        "谁可以替您办理，办了什么，随时可以收回。",
        "Who may act for you, what they did, and how to stop them.",
    ),
    "account_nav_passengers": ("常用乘车人", "Frequent passengers"),
    "account_line_passengers": (
        "保存一次，经您同意后各渠道均可使用。",
        "Kept once, offered to every channel with your consent.",
    ),
}
