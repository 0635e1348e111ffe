"""The words around sites, keys and users on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "ready": ("Ready: {kind} database, data in {folder}", "已就绪：{kind} 数据库，数据在 {folder}"),
    "first site": (
        "Next:  warmtrail site add NAME --origin https://www.example.com",
        "下一步：warmtrail site add 站点名 --origin https://www.example.com",
    ),
    "is site": ("[bold]{name}[/bold] is site {id}.", "[bold]{name}[/bold] 是第 {id} 号站点。"),
    "tag": ("Put this in its pages, before </head>:", "请将此标签放入其页面，在 </head> 之前："),
    "pinned tag": (
        "Or this, which the browser runs only if it is exactly the version named:",
        "或使用此标签，只有文件与所标版本完全一致时，浏览器才会运行：",
    ),
    "write key": ("Write key (public):   {key}", "写入密钥（公开）：{key}"),
    "server key": (
        "Server key (secret):  {key}   for servers and imports; not shown again",
        "服务器密钥（保密）：{key}   用于服务器和导入；不会再次显示",
    ),
    "key of pages": ("Write key (public): {key}", "写入密钥（公开）：{key}"),
    "short tag": (
        "One of these goes into its pages, before </head>. The settings come with the file:",
        "请将以下标签之一放入其页面，在 </head> 之前。设置随文件提供：",
    ),
    "tag with settings": (
        "The settings stand in the tag; a later change of the site's does not reach it:",
        "设置写在标签中；之后更改站点设置不会影响它：",
    ),
    "pinned tag with settings": (
        "The same, and the browser runs it only if it is exactly the version named:",
        "同上，且只有文件与所标版本完全一致时，浏览器才会运行：",
    ),
    "no site": (
        "No site yet. Make one with: warmtrail site add NAME --origin URL",
        "还没有站点。创建方法：warmtrail site add 站点名 --origin 网址",
    ),
    "id": ("id", "编号"),
    "name": ("name", "名称"),
    "origins": ("origins", "来源"),
    "own networks": ("own networks", "自有网络"),
    "time zone": ("time zone", "时区"),
    "key": ("write key", "写入密钥"),
    "any": ("any", "任何"),
    "site": ("site", "站点"),
    "scope": ("scope", "权限"),
    "revoked": ("revoked", "已停用"),
    "yes": ("yes", "是"),
    "made key": ("{id}: {key}   not shown again", "{id}：{key}   不会再次显示"),
    "no key": ("No key yet. Make one with: warmtrail key add", "还没有密钥。创建方法：warmtrail key add"),
    "revoked key": ("{id} no longer opens anything.", "{id} 已不能再使用。"),
    "list": (", ", "、"),
    "address": ("address", "邮箱"),
    "roles": ("roles", "角色"),
    "role": ("{site}: {role}", "{site}：{role}"),
    "disabled": ("disabled", "已禁用"),
    "may sign in": ("{email} may sign in at {url}", "{email} 可以在 {url} 登录"),
    "password": ("Password: {password}   not shown again", "密码：{password}   不会再次显示"),
    "password changed": ("The password is changed.", "密码已更改。"),
    "may sign in again": ("{email} may sign in again.", "{email} 可以再次登录。"),
    "kept out": ("{email} is signed out and kept out.", "{email} 已退出登录，且不能再登录。"),
    "no user": (
        "No user yet. Make one with: warmtrail user add EMAIL",
        "还没有用户。创建方法：warmtrail user add 邮箱",
    ),
    "starting": ("Warmtrail is starting on {url}", "Warmtrail 正在 {url} 启动"),
    "nobody can sign in": (
        "Nobody can sign in yet. Make the first user with: warmtrail user add EMAIL",
        "目前无人可以登录。创建第一个用户：warmtrail user add 邮箱",
    ),
}


def word(name: str, language: Language, /, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("revoked key", "en", id="key_1")
    'key_1 no longer opens anything.'
    """
    return WORDS[name][language == "zh"].format(**parts)
