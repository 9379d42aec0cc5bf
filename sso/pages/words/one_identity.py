"""Linked and joined accounts, the real name, frequent passengers."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
    # --- linked accounts
    "links_title": ("已关联账号", "Linked accounts"),
    "links_line": (
        "各渠道的旧账号关联后，都由现在这个账号登录和管理。",
        "Old accounts that you link are signed in to and managed with this one.",
    ),
    "links_none": ("尚未关联任何旧账号。", "No old account is linked yet."),
    "links_new": ("关联渠道旧账号", "Link an old account of a channel"),
    "links_join": ("合并我的另一个账号", "Join another account of mine"),
    "links_joined": ("已合并的账号", "Joined accounts"),
    "link_since": ("{since} 关联，{until} 前可撤销", "Linked {since}; can be undone until {until}"),
    "link_settled": ("{since} 关联", "Linked {since}"),
    "link_waiting": ("正在通知该渠道", "The channel is being told"),
    "link_undo": ("撤销关联", "Undo this link"),
    "join_since": ("{since} 合并，{until} 前可撤销", "Joined {since}; can be undone until {until}"),
    "join_undo": ("撤销合并", "Part them again"),
    "links_done_linked": ("已关联。我们正在通知该渠道。", "Linked. We are telling the channel."),
    "links_done_undone": ("已撤销关联。", "The link is undone."),
    "links_done_joined": (
        "已合并，另一账号在各处的登录均已结束。",
        "Joined. The other account has been signed out everywhere.",
    ),
    "links_done_parted": ("已撤销合并，另一账号可以重新登录。", "Parted. The other account can sign in again."),
    "links_done_late": ("已无法撤销：期限已过或已撤销过。", "This cannot be undone: too late, or undone already."),
    "proof_password": ("密码验证", "proven by password"),
    "proof_code": ("验证码验证", "proven by a code"),
    "proof_window": ("车站窗口验证", "proven at a station window"),
    # --- linking
    "link_title": ("关联旧账号", "Link an old account"),
    "link_line": (
        "先证明旧账号是您的，确认前不会有任何改变。",
        "First prove that the old account is yours. Nothing changes before you confirm it.",
    ),
    "link_nowhere": (
        "目前没有可以关联旧账号的渠道。",
        "No channel offers its old accounts for linking at present.",
    ),
    "link_ways": ("证明方式", "Ways to prove it"),
    "link_way_password": ("密码", "Old password"),
    "link_way_code": ("预留手机", "Phone on record"),
    "link_way_window": ("窗口凭码", "Code from a window"),
    "link_channel_field": ("渠道", "Channel"),
    "link_account_field": ("旧账号（用户名、手机号或会员号）", "Old account (user name, phone or member number)"),
    "link_password_field": ("旧账号密码", "Password of the old account"),
    "link_password_hint": (
        "只用于本次向该渠道验证，不会保存。",
        "Used this once to ask that channel; never kept.",
    ),
    "link_code_hint": (
        "该渠道会向旧账号预留的手机发送验证码。",
        "The channel sends a code to the phone on its own record.",
    ),
    "link_voucher_field": ("窗口给您的八位凭码", "Eight-digit code from the window"),
    "link_voucher_hint": (
        "在车站窗口出示证件，由工作人员核对后提供，5 分钟内有效。",
        "Show your document at a station window; the clerk gives you one, good for 5 minutes.",
    ),
    "link_continue": ("继续", "Continue"),
    "link_code_sent": (
        "如果该账号存在，验证码已发往其预留手机。",
        "If there is such an account, a code is on its way to the phone on its record.",
    ),
    "link_code_field": ("验证码", "Code"),
    "preview_title": ("请确认", "Please confirm"),
    "preview_link_line": ("将关联“{channel}”的账号：", "This account of {channel} will be linked:"),
    "preview_opened": ("开户日期 {date}", "opened {date}"),
    "preview_what": ("关联后", "What happens"),
    "preview_link_sessions": (
        "旧账号自身的登录全部结束，今后用本账号登录。",
        "The old account's own sign-ins end; from now on you sign in with this one.",
    ),
    "preview_link_pending": (
        "旧账号中未完成的资料变更和未验证的手机、邮箱作废。",
        "Changes waiting at the old account and phones or e-mails nobody verified are dropped.",
    ),
    "preview_travellers": (
        "带入常用乘车人 {added} 位；{known} 位已存在；{left_out} 位因已满或证件号无效不带入。",
        "Frequent passengers: {added} come along, {known} are here already, {left_out} stay out (full, or bad number).",
    ),
    "preview_undo": (
        "30 天内可以撤销；我们会发短信通知。",
        "You can undo this for 30 days. You will be told by message.",
    ),
    "preview_link_button": ("确认关联", "Link the account"),
    "preview_cancel": ("取消", "Cancel"),
    # --- joining
    "join_title": ("合并我的另一个账号", "Join another account of mine"),
    "join_line": (
        "如果您因换号等原因有两个账号，可以并入现在这个。先证明另一个账号也是您的。",
        "Two accounts, for instance after a new number? Join the other one to this. First prove that it is yours too.",
    ),
    "join_way_password": ("密码", "Password"),
    "join_way_code": ("手机验证码", "Phone code"),
    "join_login_field": ("另一账号的手机号或用户名", "Phone number or user name of the other account"),
    "join_password_field": ("另一账号的密码", "Password of the other account"),
    "join_phone_field": ("另一账号的手机号", "Phone number of the other account"),
    "preview_join_line": ("账号“{name}”将并入现在这个账号。", "The account {name} will be joined to this one."),
    "preview_join_sessions": (
        "它的登录（现有 {count} 处）和所有授权立即结束，此后不能再登录。",
        "Its sign-ins (now: {count}) and everything it allowed end at once; it cannot sign in any more.",
    ),
    "preview_join_pending": (
        "它未完成的验证、换号和找回申请作废。",
        "Its pending verifications, number changes and recoveries are dropped.",
    ),
    "preview_join_moves": (
        "{links} 个关联账号和 {companions} 位常用乘车人转到本账号。",
        "{links} linked accounts and {companions} frequent passengers move here.",
    ),
    "preview_join_real_name": ("它已核验的实名转到本账号。", "Its confirmed real name moves here."),
    "preview_join_phone": ("以后用哪个手机号登录？", "Which phone number do you sign in with from now on?"),
    "preview_phone_own": ("保留现在的手机号", "Keep the present number"),
    "preview_phone_other": ("改用 {phone}", "Change to {phone}"),
    "preview_join_button": ("确认合并", "Join the accounts"),
    # --- parted by whoever holds the number
    "part_title": ("撤销账号合并", "Part joined accounts"),
    "part_line": (
        "如果合并不是您本人办理，请用被并入账号的手机号验证，立即恢复该账号。",
        "If it was not you who joined the accounts, prove the number of the joined one to take it back at once.",
    ),
    "part_no_number": (
        "该号码已不在您手中？请在 30 天内携带已实名的证件到车站窗口办理。",
        "No longer have that number? Show your confirmed document at a station window within the 30 days.",
    ),
    "part_button": ("恢复我的账号", "Take my account back"),
    "part_done": (
        "账号已恢复。请用手机验证码登录，并设置新密码。",
        "The account is yours again. Sign in with a phone code and choose a new password.",
    ),
    # --- refusals
    "channel_unknown": ("该渠道不支持这种方式。", "This channel does not offer that."),
    "channel_away": ("该渠道暂时没有应答，请稍后再试。", "The channel does not answer just now. Try again shortly."),
    "link_wrong": ("账号、密码或验证码不正确。", "The account, the password or the code is not right."),
    "link_paused": (
        "尝试次数过多，请约 {minutes} 分钟后再试。",
        "Too many attempts. Try again in about {minutes} minutes.",
    ),
    "link_exists": ("此账号已经关联。", "This account is linked already."),
    "link_taken": (
        "此账号已关联到另一个账号。如果那个也是您的，请合并两个账号。",
        "It is linked to another account of ours. If that is yours too, join the two.",
    ),
    "link_other_person": (
        "此账号登记的证件与您的实名不同，不能关联。如有疑问请到车站窗口办理。",
        "It was opened with another person's document and cannot be linked. Ask at a station window.",
    ),
    "link_stale": (
        "验证已过期或已使用。请重新开始。",
        "The proof has expired or was used already. Please start again.",
    ),
    "join_same": ("这就是现在登录的账号。", "This is the account you are signed in to."),
    "join_staff": ("工作人员账号不能合并。", "Staff accounts cannot be joined."),
    "join_keep_stronger": (
        "该账号设有两步验证。请登录那个账号，再把现在这个并入。",
        "That account has a second step. Sign in to it and join this one from there.",
    ),
    "join_two_people": (
        "两个账号核验的证件不同，不能合并。请到车站窗口办理。",
        "The two accounts have different confirmed documents and cannot be joined. Ask at a station window.",
    ),
    "locked_elsewhere": (
        "该账号因多次错误尝试暂时锁定，请稍后再试。",
        "That account is locked for a while after wrong attempts. Try again later.",
    ),
    "phone_asleep": (
        "此手机号的账号已并入另一个账号，30 天内保留。请用另一账号登录，或在“撤销账号合并”页面恢复。",
        "This number's account was joined to another one and is kept for 30 days. Sign in to that one, or part them.",
    ),
    "part_too_late": (
        "已无法撤销：30 天期限已过，或已撤销过。",
        "This cannot be undone: 30 days have passed, or it was undone already.",
    ),
    "part_not_theirs": (
        "此账号未并入该旅客的账号，或 30 天期限已过。",
        "That account is not joined to this passenger's, or 30 days have passed.",
    ),
    # --- real name
    "real_name_title": ("实名信息", "Real name"),
    "real_name_link": ("实名信息：{state}", "Real name: {state}"),
    "real_name_none": ("未填写", "not given"),
    "real_name_unverified": ("未核验", "not confirmed"),
    "real_name_verified": ("已核验", "confirmed by the register"),
    "real_name_at_window": ("车站窗口已核验", "confirmed at a station window"),
    "real_name_line": (
        "核验后，您在任一渠道购买的车票都能在这里看到。",
        "Once confirmed, tickets that you bought in any channel can be shown to you.",
    ),
    "real_name_window": (
        "尚未核验。请携带证件到任一车站窗口核验。",
        "Not confirmed yet. Show the document at any station window.",
    ),
    "window_code_button": ("获取窗口核验码", "Get a code for the window"),
    "window_code_line": (
        "请向窗口人员出示此码和证件，10 分钟内有效：",
        "Show this code and your document at the window, within 10 minutes:",
    ),
    "window_code_wrong": (
        "核验码不正确或已过期，请旅客重新获取。",
        "The code is wrong or has expired; the passenger can get another one.",
    ),
    "window_name_title": ("核验旅客实名", "Confirm a passenger's real name"),
    "window_name_line": (
        "请旅客在手机上打开“实名信息”并出示核验码，再核对本人与证件。",
        "The passenger opens Real name on their phone and shows a code. Then compare person and document.",
    ),
    "window_code_field": ("旅客出示的核验码", "Code that the passenger shows"),
    "window_name_button": ("确认实名", "Confirm the name"),
    "window_name_done": ("已核验。旅客会收到通知。", "Confirmed. The passenger is told."),
    "vouch_title": ("为旧账号出具凭码", "Vouch for an old account"),
    "vouch_line": (
        "核对旅客本人、证件与该渠道旧账号后出具。凭码由旅客在自己手机上输入。",
        "Compare person, document and the channel's account first. The passenger types the code on their own phone.",
    ),
    "vouch_button": ("出具凭码", "Make a code"),
    "vouch_done": (
        "账号 {label} 的凭码（5 分钟内有效，仅一次）：",
        "Code for the account {label}, good once, for 5 minutes:",
    ),
    "part_desk_line": (
        "旅客无法使用被并入账号的手机号时办理。核对本人与其已实名的证件后，该账号恢复，双方都会收到通知。",
        "For a passenger who no longer has the joined account's number. Compare person and confirmed document first.",
    ),
    "part_desk_field": ("被并入账号的手机号或用户名", "Phone number or user name of the joined account"),
    "part_desk_button": ("撤销合并", "Part the accounts"),
    "part_desk_done": (
        "已撤销合并，双方都会收到通知。旅客可用手机验证码登录，或凭证件找回账号。",
        "Parted; both are told. The passenger signs in with a phone code, or recovers the account by document.",
    ),
    "window_pages": ("窗口页面", "Pages of the window"),
    "real_name_change": (
        "已核验的实名只能在车站窗口更改。",
        "A confirmed name is changed at a station window only.",
    ),
    "real_name_state": ("状态", "State"),
    "real_name_field": ("证件姓名", "Name on the document"),
    "document_type_field": ("证件类型", "Document"),
    "document_number_field": ("证件号码", "Document number"),
    "real_name_button": ("提交", "Submit"),
    "document_resident_id": ("居民身份证", "Resident identity card"),
    "document_hk_macau_permit": ("港澳居民来往内地通行证", "HK and Macau residents' permit"),
    "document_taiwan_permit": ("台湾居民来往大陆通行证", "Taiwan residents' permit"),
    "document_passport": ("护照", "Passport"),
    "document_foreign_permanent_resident": ("外国人永久居留身份证", "Foreign permanent resident card"),
    "bad_real_name": (
        "请填写证件上的姓名（最多 60 个字符）。",
        "Enter the name as on the document (at most 60 characters).",
    ),
    "bad_document": (
        "证件号码与证件类型不符，请检查每一位。",
        "This is not a number of that kind of document. Check every character.",
    ),
    "declared_too_often": ("提交次数过多，请稍后再试。", "Submitted too often. Try again later."),
    "real_name_stands": (
        "您的实名已核验，只能在车站窗口更改。",
        "Your name is confirmed already; it is changed at a station window only.",
    ),
    "real_name_denied": (
        "姓名与证件号码不一致，请检查后再试。",
        "Name and number do not belong together. Check them and try again.",
    ),
    "document_taken": (
        "此证件已由另一个账号实名。如果那个也是您的，请合并两个账号，或到车站窗口办理。",
        "Another account has this document confirmed. If it is yours, join the two, or ask at a station window.",
    ),
    "own_document": ("不能核验自己的证件。", "Nobody confirms their own document."),
    # --- frequent passengers
    "companions_title": ("常用乘车人", "Frequent passengers"),
    "companions_line": (
        "保存一次，经您同意后各渠道购票时可直接选用。最多 {count} 位。",
        "Kept once; channels that you allow can offer them when you buy. At most {count}.",
    ),
    "companions_none": ("还没有常用乘车人。", "No frequent passenger yet."),
    "companion_remove": ("删除 {name}", "Remove {name}"),
    "companion_add": ("添加乘车人", "Add a passenger"),
    "companion_name_field": ("姓名", "Name"),
    "companion_phone_field": ("手机号（可不填）", "Phone number (optional)"),
    "companion_ticket_field": ("票种", "Ticket"),
    "companion_button": ("添加", "Add"),
    "ticket_adult": ("成人", "Adult"),
    "ticket_child": ("儿童", "Child"),
    "ticket_student": ("学生", "Student"),
    "ticket_disabled_veteran": ("残疾军人、警察", "Disabled soldier or police"),
    "companions_sharing": ("哪些渠道可以使用", "Which channels may use them"),
    "companions_sharing_line": (
        "允许后，该渠道在您登录时可以读取以上姓名和证件号码；随时可以收回。",
        "A channel that you allow reads these names and numbers while you are signed in there. Stop it at any time.",
    ),
    "companions_allow": ("允许“{client}”使用", "Allow {client}"),
    "companions_forbid": ("不再允许“{client}”使用", "Stop {client}"),
    "companions_allowed": ("已允许", "Allowed"),
    "companions_forbidden": ("未允许", "Not allowed"),
    "companion_known": ("此证件的乘车人已在列表中。", "A passenger with this document is in the list already."),
    "companions_full": ("已满 15 位，请先删除不常用的。", "The list is full (15). Remove somebody first."),
    "bad_ticket_type": ("请选择票种。", "Choose a kind of ticket."),
    # --- notices
    "notice_account_linked": (
        "您的账号已关联渠道“{channel}”的旧账号，30 天内可撤销。如非本人操作，请到 {where} 撤销。",
        "An old account of {channel} was linked to yours. If it was not you, undo it within 30 days at {where}.",
    ),
    "notice_account_unlinked": (
        "与渠道“{channel}”旧账号的关联已撤销。",
        "The link to your old account of {channel} was undone.",
    ),
    "notice_accounts_joined": (
        "另一个账号已并入您的账号，30 天内可在 {where} 撤销。如非本人操作，请立即修改密码。",
        "Another account was joined to yours; undo it within 30 days at {where}. Not you? Change your password now.",
    ),
    "notice_account_absorbed": (
        "您的账号已并入“{kept}”的账号。如非本人操作，请在 30 天内用本手机号到 {where} 恢复。",
        "Your account was joined to that of {kept}. Not you? Take it back with this number within 30 days: {where}",
    ),
    "notice_accounts_parted": ("账号合并已撤销，两个账号各自独立。", "Joined accounts were parted again."),
    "notice_real_name_confirmed": ("您的实名信息已核验。", "Your real name was confirmed."),
}
