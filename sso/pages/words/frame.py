"""What every page says, and what an error page says."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "brand": ("联锁统一登录", "Interlock sign-in"),
    "brand_line": (
        "一次登录，网站、手机应用、电话、代售点和车站窗口都认识您。",
        "Sign in once. Web, app, phone, agents and station windows all know you.",
    ),
    "skip": ("跳到主要内容", "Skip to main content"),
    "language": ("语言", "Language"),
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
    "locked": (
        "尝试次数过多，此登录方式已暂停 {minutes} 分钟。您可以改用其他登录方式，或稍后再试。",
        "Too many attempts: this way to sign in is paused for {minutes} minutes. Use the other way, or wait.",
    ),
}
