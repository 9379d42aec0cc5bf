"""Recovery of an account at a station window: the clerks' page, the person's page, and what the person is told."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    "recovery_desk_title": ("凭证件找回账号", "Recover an account by document"),
    "recovery_desk_line": (
        "旅客无法登录时使用。需要两名窗口人员分别核对本人与证件。",
        "For a passenger who cannot sign in. Two members of staff each compare the person with the document.",
    ),
    "recovery_office": ("车站和窗口", "Station and window"),
    "recovery_ask_button": ("提交，等待另一人确认", "Hand on to a second clerk"),
    "recovery_waiting": ("等待确认", "Waiting for a second clerk"),
    "recovery_none": ("没有等待确认的申请。", "Nothing is waiting."),
    "recovery_needs_another": ("须由另一名窗口人员确认。", "Another clerk has to confirm this."),
    "recovery_confirm_button": ("我已核对，出具凭码", "I have compared them too: give a ticket"),
    "recovery_ticket_line": (
        "请将凭码交给旅客，{minutes} 分钟内有效，只显示这一次。",
        "Give this ticket to the passenger. It is good for {minutes} minutes and is shown only now.",
    ),
    "recovery_office_missing": ("请填写车站和窗口。", "Say which station and window this is."),
    "recovery_gone": (
        "申请已失效。请在窗口重新办理。",
        "This recovery is no longer good. Begin again at the window.",
    ),
    "recovery_same_clerk": ("须由另一名窗口人员确认。", "Somebody else than the first clerk has to confirm."),
    "recovery_other_document": (
        "证件与申请不符，申请已取消。",
        "This is not the document of the recovery. It was cancelled.",
    ),
    "recovery_ticket_wrong": ("证件号码或凭码不正确。", "The document number or the ticket is not right."),
    "recover_title": ("找回账号", "Get back into your account"),
    "recover_line": (
        "请输入证件号码、窗口给您的凭码，以及您手中手机的号码。",
        "Type your document number, the ticket from the window, and the number of the phone in your hand.",
    ),
    "recover_ticket": ("窗口凭码", "Ticket from the window"),
    "recover_code_line": (
        "已向新号码发送六位验证码。完成后，以前的登录方式和设备全部失效。",
        "Six digits were sent to the new number. When you finish, nothing of before opens the account any more.",
    ),
    "recover_button": ("找回账号", "Get my account back"),
    "recovered_title": ("账号已找回", "The account is yours again"),
    "recovered_line": (
        "以前的设备、密码和通行密钥都已失效。请用新手机号登录。",
        "All devices, passwords and passkeys of before are gone. Sign in with your new number.",
    ),
    "notice_recovery_asked": (
        "有人在{office}凭您的证件申请找回账号。若非本人，请立即联系客服。",
        "Somebody at {office} asked to recover your account with your ID document. If it was not you, call us at once.",
    ),
    "notice_recovered_at_window": (
        "您的账号已在车站窗口找回，以前的登录方式全部失效。若非本人，请立即联系客服。",
        "Your account was recovered at a station window and nothing of before opens it any more. If it was not you,"
        " call us at once.",
    ),
}
