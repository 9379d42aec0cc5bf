"""Every sentence on the pages, in Chinese and in English, side by side so that a translator can check them."""

LOCALES = ("zh-CN", "en")

WORDS: dict[str, tuple[str, str]] = {
    # name                    Chinese, English
    "brand": ("联锁统一登录", "Interlock sign-in"),
    "brand_line": (
        "一次登录，网站、手机应用、电话、代售点和车站窗口都认识您。",
        "Sign in once. Web, app, phone, agents and station windows all know you.",
    ),
    "skip": ("跳到主要内容", "Skip to main content"),
    "language": ("语言", "Language"),
    "login_title": ("登录", "Sign in"),
    "login_for": ("登录后继续前往“{client}”", "Sign in to continue to {client}"),
    "tab_password": ("密码登录", "Password"),
    "tab_code": ("手机验证码登录", "Phone code"),
    "login_methods": ("登录方式", "Ways to sign in"),
    "login_field": ("手机号或用户名", "Phone number or user name"),
    "password_field": ("密码", "Password"),
    "login_button": ("登录", "Sign in"),
    "phone_field": ("手机号", "Phone number"),
    "phone_hint": (
        "中国大陆手机号可直接输入；其他地区请加国家代码，例如 +852。",
        "Mainland China numbers as they are; others with the country code, such as +852.",
    ),
    "send_code_button": ("获取验证码", "Send me a code"),
    "code_title": ("输入验证码", "Enter the code"),
    "code_sent": (
        "如果 {phone} 可以接收验证码，我们已发送六位数字，{minutes} 分钟内有效。",
        "If {phone} can receive codes, we have sent six digits. They are good for {minutes} minutes.",
    ),
    "code_warning": (
        "任何工作人员都不会向您索要验证码，请勿告诉他人。",
        "No member of staff will ever ask for this code. Do not tell it to anyone.",
    ),
    "code_field": ("六位验证码", "Six-digit code"),
    "code_button": ("确认", "Confirm"),
    "code_again": ("重新获取验证码", "Send another code"),
    "no_account": ("还没有账号？", "No account yet?"),
    "register_link": ("用手机号注册", "Register with your phone"),
    "have_account": ("已有账号？", "Already registered?"),
    "login_link": ("登录", "Sign in"),
    "register_title": ("注册", "Register"),
    "register_line": (
        "先验证手机号，再设置姓名和密码。",
        "First we check your phone number, then you choose a name and a password.",
    ),
    "details_title": ("完成注册", "Finish registering"),
    "details_line": ("手机号 {phone} 已验证。", "{phone} is verified."),
    "name_field": ("姓名", "Your name"),
    "login_name_field": ("用户名（可不填）", "User name (optional)"),
    "login_name_hint": (
        "以字母开头，3 至 40 个小写字母、数字或 . _ -。",
        "Begins with a letter; 3 to 40 lower-case letters, digits or . _ -.",
    ),
    "new_password_field": ("设置密码", "Choose a password"),
    "new_password_hint": ("至少 {length} 个字符，越长越安全。", "At least {length} characters. Longer is safer."),
    "register_button": ("注册并登录", "Register and sign in"),
    "signed_in_title": ("您已登录", "You are signed in"),
    "signed_in_as": ("{name}，您好。", "Hello, {name}."),
    "signed_in_line": (
        "现在可以回到任一渠道，无需再次输入。",
        "You can now go to any channel without typing anything again.",
    ),
    "used_in": ("本次登录正用于", "This sign-in is used in"),
    "used_nowhere": ("尚未用于任何渠道。", "No channel yet."),
    "logout_here": ("退出此设备", "Sign out on this device"),
    "logout_everywhere": ("退出所有设备", "Sign out everywhere"),
    "logout_title": ("要退出登录吗？", "Sign out?"),
    "logout_line": (
        "退出后，本次登录所用的所有渠道都会一并退出。",
        "This ends your sign-in in every channel that uses it.",
    ),
    "logout_button": ("退出登录", "Sign out"),
    "logout_stay": ("不退出", "Stay signed in"),
    "signed_out_title": ("您已退出登录", "You are signed out"),
    "signed_out_line": (
        "我们正在通知本次登录所用的各个渠道。如在公共设备上，请同时关闭浏览器。",
        "Every channel that used this sign-in is being told. On a shared device, close the browser too.",
    ),
    "continue_title": ("正在返回", "Taking you back"),
    "continue_button": ("继续", "Continue"),
    "error_title": ("无法继续", "We cannot go on"),
    "error_code": ("错误代码", "Error code"),
    "error_remedy": (
        "请返回刚才的网站或应用重新开始；如仍有问题，请把错误代码告诉该渠道的客服。",
        "Go back to the site or app and start again. If it happens again, give its support the code below.",
    ),
    "error_away": (
        "登录服务暂时不可用，请稍等片刻再试；您填写的内容没有生效。",
        "Sign-in is not available for the moment. Wait a little and try again; nothing you entered has taken effect.",
    ),
    "error_stale": (
        "此页面已过期或已使用过。请返回刚才的网站或应用重新登录。",
        "This page has expired or was used already. Go back to the site or app and sign in again.",
    ),
    "error_form": (
        "此表单并非来自本页面，或浏览器禁用了 Cookie。请允许 Cookie 后重新打开页面再试。",
        "This form did not come from our page, or cookies are blocked. Allow cookies, open the page again and retry.",
    ),
    "wrong_password": (
        "用户名、手机号或密码不正确。请检查后再试，或改用手机验证码登录。",
        "The name, number or password is not right. Check them, or use a phone code instead.",
    ),
    "wrong_code": (
        "验证码不正确或已过期。请检查后再试，或重新获取。",
        "The code is wrong or has expired. Check it, or ask for another one.",
    ),
    "locked": (
        "尝试次数过多，此登录方式已暂停 {minutes} 分钟。您可以改用其他登录方式，或稍后再试。",
        "Too many attempts: this way to sign in is paused for {minutes} minutes. Use the other way, or wait.",
    ),
    "bad_phone": (
        "这不是有效的手机号。请检查后再试。",
        "This is not a valid phone number. Check it and try again.",
    ),
    "code_too_soon": (
        "获取验证码过于频繁，请约 {minutes} 分钟后再试。",
        "Codes were asked for too often. Try again in about {minutes} minutes.",
    ),
    "code_not_sent": (
        "验证码暂时无法发送，请稍后再试或改用密码登录。",
        "We could not send the code just now. Try again shortly, or use your password.",
    ),
    "phone_taken": (
        "此手机号已注册，请直接登录。",
        "This number is registered already. Please sign in.",
    ),
    "login_name_taken": ("此用户名已被使用，请换一个。", "This user name is taken. Choose another."),
    "bad_login_name": ("用户名不符合要求，请修改。", "This user name does not follow the rule below the field."),
    "bad_name": ("请填写姓名（最多 60 个字符）。", "Enter your name (at most 60 characters)."),
    "bad_password": (
        "密码太短或太长（最多 200 个字符）。",
        "The password is too short, or longer than 200 characters.",
    ),
}


def say(key: str, locale: str, **values: object) -> str:
    """The sentence `key` in the language of `locale`, with `values` filled in. An unknown key raises KeyError."""
    chinese, english = WORDS[key]
    return (chinese if locale.startswith("zh") else english).format(**values)


def choose_locale(asked: str | None, remembered: str | None, accepted: str | None, default: str) -> str:
    """The language to speak: `ui_locales`, else the remembered choice, else `Accept-Language`, else the default.

    >>> choose_locale(None, None, "fr-CH, fr;q=0.9, en;q=0.8", "zh-CN")
    'en'
    >>> choose_locale("zh-Hans en", None, "en", "en")
    'zh-CN'
    """
    for tag in [*(asked or "").split(), remembered or "", *_by_weight(accepted or "")]:
        language = tag.partition("-")[0].lower()
        if language in ("zh", "en"):
            return "zh-CN" if language == "zh" else "en"
    return default


def _by_weight(accepted: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag))
        except ValueError:
            continue  # one unreadable preference does not spoil the others
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]
