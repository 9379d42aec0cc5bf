"""Logouts: which applications were told."""

SENTENCES: dict[str, tuple[str, str]] = {
    # key: Chinese, English
    "logouts": ("退出通知", "Logouts"),
    "logouts_hint": (
        "登录结束时，凡用过该登录的应用都会收到通知；联系不上的会反复重试，最后放弃。",
        "When a login ends, every application that used it is told; one that does not answer is tried again, "
        "and given up in the end.",
    ),
    "no_logouts": ("所有应用都已收到通知。", "Every application was told."),
    "told_day": ("24 小时内已通知", "Told within 24 hours"),
    "to_be_told": ("等待通知", "To be told"),
    "logout_given_up": ("已放弃", "Given up"),
    "application": ("应用", "Application"),
    "login_kind": ("登录", "Login"),
    "last_attempt": ("最近一次", "Last attempt"),
    "tell_again": ("重新通知", "Tell again"),
    "told_again": ("已重新排队通知。", "Queued; they will be told again."),
    "given_up": ("已放弃", "given up"),
    "session.browser": ("浏览器", "browser"),
    "session.app": ("手机应用", "app"),
    "session.window": ("车站窗口", "station window"),
    "session.call": ("电话", "phone call"),
    "session.agent": ("代理", "agent"),
    "logout.retry": ("重新通知退出", "logouts told again"),
}
