"""Administrative acts: who did what to whom, when and from where; each owes a leaf to the log.

An act's row holds no name, login or address of a person: members stand in it by their ids. The
leaf commits to the row under the row's salt, so that nobody can change the row unseen, and nobody
can read it out of the log.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import LocalText, PartyId, blind, canonical, iso, new_id, new_salt, now, owe
from quanyu.parties.model import Caller
from quanyu.parties.tables import ActRow

ACTS: dict[str, LocalText] = {
    "peer.added": LocalText(zh="添加对端节点", en="Peer node added"),
    "peer.removed": LocalText(zh="移除对端节点", en="Peer node removed"),
    "party.registered": LocalText(zh="登记主体", en="Party registered"),
    "member.added": LocalText(zh="开设账户", en="Account opened"),
    "member.roles": LocalText(zh="调整角色", en="Roles changed"),
    "member.deactivated": LocalText(zh="停用账户", en="Account closed"),
    "member.reactivated": LocalText(zh="恢复账户", en="Account reopened"),
    "member.password": LocalText(zh="更换密码", en="Password changed"),
    "member.locked": LocalText(zh="登录锁定", en="Sign-in locked"),
    "member.exported": LocalText(zh="导出个人数据", en="Personal data exported"),
    "member.erasure-asked": LocalText(zh="申请注销", en="Erasure asked for"),
    "member.erasure-cancelled": LocalText(zh="撤回注销", en="Erasure called off"),
    "member.erased": LocalText(zh="注销账户", en="Account erased"),
    "identity.bound": LocalText(zh="绑定统一身份", en="Single sign-on bound"),
    "identity.unbound": LocalText(zh="解绑统一身份", en="Single sign-on unbound"),
    "invitation.made": LocalText(zh="发出邀请", en="Invitation made"),
    "invitation.accepted": LocalText(zh="接受邀请", en="Invitation accepted"),
    "invitation.revoked": LocalText(zh="撤销邀请", en="Invitation revoked"),
    "delegation.made": LocalText(zh="委托角色", en="Roles delegated"),
    "delegation.ended": LocalText(zh="结束委托", en="Delegation ended"),
    "token.issued": LocalText(zh="签发令牌", en="Token issued"),
    "token.revoked": LocalText(zh="吊销令牌", en="Token revoked"),
    "webhook.added": LocalText(zh="添加回调", en="Webhook added"),
    "webhook.renewed": LocalText(zh="更换回调密钥", en="Webhook secret renewed"),
    "webhook.removed": LocalText(zh="删除回调", en="Webhook removed"),
}
"""What the audit page calls each kind; other rooms' kinds are shown by their own names."""

_PREFIX = {4: 24, 6: 48}


def record_act(
    session: Session,
    caller: Caller | None,
    kind: str,
    subject: str,
    *,
    party: PartyId | None,
    details: Mapping[str, Any] | None = None,
    leaf: tuple[str, Mapping[str, Any]] | None = None,
) -> str:
    """Keep an act with this transaction and owe its leaf; the id of the act.

    ``caller`` is who did it, ``None`` for the holder of the node's command line or the node itself.
    ``subject`` is the id of what it was done to, ``party`` whose matter it is. ``details`` hold
    strings, integers, booleans and lists of them, and nothing that names a person. ``leaf`` are
    subject and body of the leaf where they differ (a member stands there by its commitment).
    """
    salt = new_salt()
    row = ActRow(
        id=new_id("act"),
        at=now(),
        kind=kind,
        actor=caller.member if caller else None,
        actor_party=caller.party if caller else None,
        on_behalf_of=list(caller.on_behalf_of) if caller else [],
        token=caller.token if caller else None,
        party=party,
        subject=subject,
        origin=(caller.origin or None) if caller else None,
        details=dict(details or {}),
        salt=salt,
        leaf="",
    )
    public_subject, body = leaf or (row.id, {"party": party or ""})
    said = {"by": row.actor_party or "", **body, "act": commitment_of(row)}
    if row.origin:
        said["origin"] = blind(row.origin, salt)
    row.leaf = owe(session, kind, public_subject, said)
    session.add(row)
    return row.id


def commitment_of(row: ActRow) -> str:
    """What the leaf says of the row: its canonical JSON, blinded under its salt.

    The origin is not in it, for that may be erased; the leaf commits to it by itself.
    """
    document = {
        "id": row.id,
        "at": iso(row.at),
        "kind": row.kind,
        "actor": row.actor or "",
        "actor_party": row.actor_party or "",
        "on_behalf_of": row.on_behalf_of,
        "token": row.token or "",
        "party": row.party or "",
        "subject": row.subject,
        "details": row.details,
    }
    return blind(canonical(document).decode(), row.salt)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The network that an address is in, the host left out: /24 of IPv4, /48 of IPv6."""
    try:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return str(ipaddress.ip_network((ip, _PREFIX[ip.version]), strict=False))
