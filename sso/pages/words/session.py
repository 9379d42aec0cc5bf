"""The pages around a session: signed in, signing out."""

WORDS: dict[str, tuple[str, str]] = {
    # name: Chinese, English
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
    "signed_out_told": (
        "如在公共设备上，请同时关闭浏览器。此页面 {hours} 小时内有效。",
        "On a shared device, close the browser too. This page can be looked at for {hours} hours.",
    ),
    "logout_line_others": (
        "您在其他设备上仍保持登录；也可以一并退出。",
        "You stay signed in on your other devices; you may leave those as well.",
    ),
    "continue_title": ("正在返回", "Taking you back"),
    "continue_button": ("继续", "Continue"),
}
