"""The pages for signing in and registering."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "login_title": ("登录", "Sign in"),
    "login_for": ("登录后继续前往“{client}”", "Sign in to continue to {client}"),
    "tab_password": ("密码", "Password"),
    "tab_code": ("手机验证码", "Phone code"),
    "tab_passkey": ("通行密钥", "Passkey"),
    "passkey_line": (
        "用本机的指纹、面容或锁屏密码登录，无需输入用户名。",
        "Sign in with this device's fingerprint, face or screen lock. No user name is needed.",
    ),
    "passkey_button": ("使用通行密钥登录", "Sign in with a passkey"),
    "passkey_needs_script": ("通行密钥需要启用 JavaScript。", "Passkeys need JavaScript."),
    "passkey_not_given": (
        "设备没有给出通行密钥。请再试一次，或改用其他方式。",
        "Your device gave no passkey. Try again, or use another way.",
    ),
    "passkey_refused": (
        "这个通行密钥不能用于此账号。请再试一次，或改用其他方式登录。",
        "This passkey is not accepted here. Try again, or sign in another way.",
    ),
    "passkey_stale": ("等待时间过长，请再试一次。", "That took too long. Please try again."),
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
    "new_password_field": ("设置密码（可不填）", "Choose a password (optional)"),
    "new_password_hint": ("至少 {length} 个字符，越长越安全。", "At least {length} characters. Longer is safer."),
    "register_button": ("注册并登录", "Register and sign in"),
    "wrong_password": (
        "用户名、手机号或密码不正确。请检查后再试，或改用手机验证码登录。",
        "The name, number or password is not right. Check them, or use a phone code instead.",
    ),
    "wrong_code": (
        "验证码不正确或已过期。请检查后再试，或重新获取。",
        "The code is wrong or has expired. Check it, or ask for another one.",
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
