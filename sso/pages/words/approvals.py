"""Approving, on one's own phone, a sign-in at a window (RFC 8628) or during a call (CIBA)."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "account_nav_approvals": ("待确认请求", "Requests"),
    "account_line_approvals": (
        "确认或拒绝电话客服替您发起的登录。",
        "Approve or refuse what a clerk on the phone asked for you.",
    ),
    "device_title": ("输入窗口代码", "Enter the window's code"),
    "device_line": (
        "请输入窗口屏幕上显示的八个字母。",
        "Type the eight letters that the window's screen shows.",
    ),
    "device_code_field": ("代码", "Code"),
    "device_code_hint": ("例如 WDJB-MJHT，不分大小写。", "Such as WDJB-MJHT. Capitals do not matter."),
    "device_button": ("继续", "Continue"),
    "device_wrong_code": (
        "没有这个代码，或已过期。请核对屏幕，或在窗口重新获取。",
        "There is no such code, or its time is over. Compare it with the screen, or ask the window for a new one.",
    ),
    "device_too_many": (
        "尝试次数过多，请 {minutes} 分钟后再试。",
        "Too many codes were tried. Please try again in {minutes} minutes.",
    ),
    "device_confirm_title": ("在这个窗口登录？", "Sign in at this window?"),
    "device_confirm_line": (
        "“{client}”请求以 {person} 的身份登录。",
        "{client} asks to sign you in as {person}.",
    ),
    "device_same_code": ("屏幕上的代码须与此完全相同", "The screen must show exactly this code"),
    "device_warning": (
        "只有您本人正站在该窗口前才可同意。如有人来电或发消息让您打开本页，请拒绝。",
        "Approve only if you are standing there. If somebody called or wrote to send you here, refuse.",
    ),
    "approvals_title": ("待确认请求", "Requests waiting for you"),
    "approvals_none": (
        "没有待确认的请求。正在通话时，请稍候再刷新。",
        "Nothing is waiting. If you are on the phone, wait a moment and look again.",
    ),
    "approvals_again": ("刷新", "Look again"),
    "approvals_line": (
        "“{client}”请求在通话期间以您的身份办理。",
        "{client} asks to act for you during a call.",
    ),
    "approvals_message": ("请核对客服读出的内容", "The clerk must read you exactly this"),
    "approvals_warning": (
        "只有您正在与客服通话、且对方读出的内容与此相同时才可同意。",
        "Approve only if you are on the phone with the clerk and hear exactly this.",
    ),
    "approvals_warning_plain": (
        "只有您正在与客服通话时才可同意。如非您本人发起，请拒绝。",
        "Approve only if you are on the phone with the clerk. If you did not call, refuse.",
    ),
    "approval_place": ("地点", "Place"),
    "approval_office": ("车站或网点", "Station or office"),
    "approval_window": ("窗口", "Window"),
    "approval_place_unsaid": ("对方未说明地点", "The place was not given"),
    "approval_asked": ("请求时间", "Asked"),
    "approval_minutes_ago": ("{minutes} 分钟前", "{minutes} min ago"),
    "approval_just_now": ("刚刚", "just now"),
    "approval_lasts": ("同意后最长登录时间", "Signed in for at most"),
    "approval_minutes": ("{minutes} 分钟", "{minutes} minutes"),
    "approval_approve": ("同意", "Approve"),
    "approval_refuse": ("拒绝，不是我", "Refuse, this is not me"),
    "approval_approved_title": ("已同意", "Approved"),
    "approval_approved_line": (
        "“{client}”即将完成登录。您可随时在“设备与登录”中结束它。",
        "{client} will sign you in now. You can end it at any time under your devices and sign-ins.",
    ),
    "approval_refused_title": ("已拒绝", "Refused"),
    "approval_refused_line": (
        "没有任何人登录。如果您没有发起请求，可以更改密码。",
        "Nobody was signed in. If this was not you, consider changing your password.",
    ),
    "approval_over": (
        "该请求已过期或已处理。",
        "This request is over: too late, or decided already.",
    ),
    "approval_locked": (
        "有人多次输错您的登录信息，为安全起见暂时不能在此同意。请 {minutes} 分钟后再试。",
        "Somebody tried to guess your sign-in. Nothing can be approved for now; try again in {minutes} minutes.",
    ),
    "approval_account": ("回到我的账号", "Back to my account"),
    # --- a clerk with the passenger and their document before him
    "identify_title": ("核验证件并登录", "Sign a passenger in by document"),
    "identify_line": (
        "旅客本人和证件原件须在您面前。登录后旅客会收到通知，您的姓名会被记录。",
        "The passenger and the original document must be before you. They are told, and your name is kept.",
    ),
    "identify_code": ("窗口代码", "The window's code"),
    "identify_compared": ("我已核对本人与证件一致", "I have compared the person with the document"),
    "identify_button": ("登录此旅客", "Sign this passenger in"),
    "identify_done_title": ("已登录", "Signed in"),
    "identify_done_line": (
        "旅客 {name} 已在窗口登录，闲置 {minutes} 分钟后自动退出。",
        "{name} is signed in at the window, and out again after {minutes} minutes unused.",
    ),
    "identify_next": ("下一位旅客", "Next passenger"),
    "identify_not_a_clerk": ("只有车站窗口人员可以使用此页面。", "This page is for the staff of station windows."),
    "identify_not_compared": (
        "请先核对本人与证件，并勾选确认。",
        "Compare the person with the document first, and tick the box.",
    ),
    "identify_unknown": (
        "没有以此姓名和证件实名的旅客。请核对每一个字，或先办理实名核验。",
        "No passenger is confirmed under this name and document. Check every character, or confirm the name first.",
    ),
    "identify_no_place": (
        "此代码未说明来自哪个窗口，不能凭证件登录。",
        "This code does not say which window it is from, so a document cannot approve it.",
    ),
    "identify_consent": (
        "此应用须由旅客本人在页面上同意，不能凭证件登录。",
        "Passengers must agree to this application themselves on a page; a document cannot do that.",
    ),
    "identify_locked": (
        "有人多次输错此旅客的登录信息，请 {minutes} 分钟后再试，或办理账号找回。",
        "Somebody tried to guess this passenger's sign-in. Try again in {minutes} minutes, or recover the account.",
    ),
    "notice_identified_at_window": (
        "您凭证件在 {place} 登录。如非本人，请立即在“设备与登录”中结束。",
        "You were signed in by your ID document at {place}. If it was not you, end it under your sign-ins now.",
    ),
    "notice_approval_waiting": (
        "“{client}”请您在通话中确认。请打开“待确认请求”，核对客服读出的内容；没有通话时请拒绝。",
        "{client} asks for your approval during a call. Open your requests and compare; if you are not on the phone,"
        " refuse.",
    ),
    "notice_call_opened": (
        "您读出验证码后，“{client}”已在通话中以您的身份办理。如非本人，请立即在“设备与登录”中结束。",
        "You read a code aloud, and {client} acts for you in a call. If it was not you, end it under your sign-ins.",
    ),
}
