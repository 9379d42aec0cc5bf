"""What a browser says of itself, as a person would say it. Good for recognising one's own device, for nothing else."""

BROWSERS: tuple[tuple[str, str, str], ...] = (
    # in User-Agent, Chinese, English; the first that is found counts (every browser claims to be another one, too)
    ("MicroMessenger", "微信", "WeChat"),
    ("AlipayClient", "支付宝", "Alipay"),
    ("HuaweiBrowser", "华为浏览器", "Huawei Browser"),
    ("MiuiBrowser", "小米浏览器", "Mi Browser"),
    ("UCBrowser", "UC 浏览器", "UC Browser"),
    ("QQBrowser", "QQ 浏览器", "QQ Browser"),
    ("SamsungBrowser", "三星浏览器", "Samsung Internet"),
    ("Edg", "Edge", "Edge"),
    ("OPR/", "Opera", "Opera"),
    ("Firefox", "Firefox", "Firefox"),
    ("FxiOS", "Firefox", "Firefox"),
    ("CriOS", "Chrome", "Chrome"),
    ("Chrome", "Chrome", "Chrome"),
    ("Safari", "Safari", "Safari"),
)
SYSTEMS: tuple[tuple[str, str, str], ...] = (
    ("HarmonyOS", "鸿蒙设备", "HarmonyOS device"),
    ("iPhone", "iPhone", "iPhone"),
    ("iPad", "iPad", "iPad"),
    ("Android", "安卓设备", "Android device"),
    ("Windows", "Windows 电脑", "Windows computer"),
    ("Mac OS X", "Mac", "Mac"),
    ("CrOS", "Chromebook", "Chromebook"),
    ("Linux", "Linux 电脑", "Linux computer"),
)


def device_name(user_agent: str, locale: str) -> str | None:
    """The system and the browser, as far as either is told; None when neither is.

    >>> device_name("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "en")
    'iPhone, Safari'
    >>> device_name("curl/8.0", "en") is None
    True
    """
    parts = [_found(table, user_agent, locale) for table in (SYSTEMS, BROWSERS)]
    told = [part for part in parts if part]
    return ("，" if locale.startswith("zh") else ", ").join(told) or None


def _found(table: tuple[tuple[str, str, str], ...], user_agent: str, locale: str) -> str | None:
    column = 1 if locale.startswith("zh") else 2
    return next((row[column] for row in table if row[0] in user_agent), None)
