"""Every sentence of the passenger's pages, in Chinese and English, and the words for what data calls by a code."""

from interlock.console.words import channel_name, choose_language, label

__all__ = ["LANGUAGES", "WORDS", "channel", "choose_language", "label", "say"]

LANGUAGES = {"zh": "中文", "en": "English"}

WORDS: dict[str, tuple[str, str]] = {
    # frame
    "brand": ("我的铁路行程", "My rail journeys"),
    "brand_line": ("无论在哪个渠道购票，都在这里。", "Wherever you bought the ticket, it is here."),
    "skip": ("跳到主要内容", "Skip to main content"),
    "nav": ("页面", "Pages"),
    "language": ("语言", "Language"),
    "orders": ("我的订单", "My orders"),
    "account": ("登录与安全", "Sign-in and security"),
    "log_out": ("退出登录", "Sign out"),
    "beijing": ("时间均为北京时间", "All times are Beijing time"),
    # the list
    "coming": ("未出行", "Coming up"),
    "past": ("已出行或已结束", "Past or ended"),
    "no_orders": ("还没有订单。", "No orders yet."),
    "no_orders_hint": (
        "这里列出以您已验证的手机号或已核验的证件购买的车票，包括在网站、手机应用、电话、代售点和车站窗口购买的。",
        "Tickets bought for your verified phone number or your confirmed document show here, from the website, the app,"
        " the phone, agents and station windows alike.",
    ),
    "more_orders": ("这里显示最近的 {count} 个订单。", "The latest {count} orders are shown."),
    "bought_at": ("购于", "Bought at"),
    "order_no": ("订单号", "Order"),
    "channel_web": ("铁路网站", "the website"),
    "channel_app": ("手机应用", "the app"),
    "channel_phone": ("电话订票", "the phone"),
    "channel_agents": ("代售点", "an agent"),
    "channel_windows": ("车站窗口", "a station window"),
    "channel_hub": ("铁路系统", "the railway's own system"),
    "open": ("查看", "Open"),
    # one order
    "tickets": ("车票", "Tickets"),
    "coach": ("{coach}车", "Coach {coach}"),
    "seat": ("{seat}号", "seat {seat}"),
    "standing": ("无座", "standing"),
    "pay_until": ("请在 {time} 前支付", "Pay by {time}"),
    "money": ("费用", "Money"),
    "paid": ("已支付", "Paid"),
    "refunded": ("已退款", "Refunded"),
    "owed_by_you": ("待支付", "To pay"),
    "owed_to_you": ("应退还给您", "Owed to you"),
    "payment": ("支付", "Payment"),
    "refund": ("退款", "Refund"),
    "fee": ("手续费", "Fee"),
    "change": ("改签差额", "Change"),
    "story": ("经过", "What happened"),
    "story_line": (
        "各渠道看到的是同一份订单；每一步后面是告诉我们的渠道。",
        "Every channel sees this one order. After each step: which of them told us.",
    ),
    "disputed": (
        "各渠道的说法不一致，工作人员正在核对。您的车票以车站为准；如需出行请先到窗口确认。",
        "Channels say different things about this order, and staff are looking into it. Ask at a window before you"
        " travel.",
    ),
    "incomplete": (
        "此订单的部分信息尚未收到，稍后会补齐。",
        "Part of this order has not reached us yet and will follow.",
    ),
    # steps of an order
    "ticket.held": ("席位已预留", "Seat reserved"),
    "ticket.hold_expired": ("预留已过期", "Reservation lapsed"),
    "ticket.hold_cancelled": ("预留已取消", "Reservation cancelled"),
    "ticket.issued": ("已出票", "Ticket issued"),
    "ticket.printed": ("已打印纸质车票", "Paper ticket printed"),
    "ticket.changed": ("车票已改签", "Ticket changed"),
    "ticket.refunded": ("车票已退", "Ticket refunded"),
    "ticket.voided": ("车票已作废", "Ticket voided"),
    "ticket.checked_in": ("已核验身份", "Identity checked"),
    "ticket.entered": ("已进站", "Entered the station"),
    "ticket.used": ("已出站", "Left the station"),
    "payment.captured": ("已支付", "Paid"),
    "payment.failed": ("支付失败", "Payment failed"),
    "refund.requested": ("已申请退款", "Refund requested"),
    "refund.sent": ("退款已发出", "Refund sent"),
    "refund.settled": ("退款已到账", "Refund arrived"),
    "refund.failed": ("退款失败", "Refund failed"),
    "change.confirmed": ("改签已确认", "Change confirmed"),
    "pickup.collected": ("已在窗口取票", "Collected at a window"),
    "waitlist.requested": ("已提交候补", "Waitlisted"),
    "waitlist.realised": ("候补已兑现", "Waitlist fulfilled"),
    "waitlist.cancelled": ("候补已取消", "Waitlist cancelled"),
    "waitlist.lapsed": ("候补已截止", "Waitlist ended"),
    # the door
    "signed_out": ("您已退出登录", "You are signed out"),
    "signed_out_line": ("所有渠道都会收到通知。", "Every channel is being told."),
    "log_in": ("登录", "Sign in"),
    "problem": ("无法显示", "This cannot be shown"),
    "back": ("返回我的订单", "Back to my orders"),
    "login_stale": (
        "登录已过期，或在另一个窗口开始。请重新登录。",
        "This sign-in took too long, or began in another window. Please sign in again.",
    ),
    "login_refused": ("登录没有完成。请重新登录。", "The sign-in was not completed. Please sign in again."),
    "form_stale": (
        "表单已过期或不是本页发出的；没有做任何改动。请返回、刷新后再试。",
        "This form is stale or did not come from our page; nothing was changed. Go back, reload, try again.",
    ),
    "order_unknown": (
        "没有这个订单，或不是您的订单。",
        "There is no such order, or it is not yours.",
    ),
    "away": ("暂时无法读取订单，请稍候再试；数据没有丢失。", "Orders cannot be read just now. Try again in a moment."),
}


def say(key: str, language: str, **values: object) -> str:
    """The sentence ``key`` with ``values`` filled in; raises ``KeyError`` for one that is not in the table."""
    return WORDS[key][0 if language == "zh" else 1].format(**values)


def channel(code: str | None, language: str) -> str:
    """A channel as passengers call it; as the console does when it is one that came later."""
    return say(f"channel_{code}", language) if f"channel_{code}" in WORDS else channel_name(code, language)
