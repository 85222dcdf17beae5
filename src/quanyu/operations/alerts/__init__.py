"""Alerts 告警: raised by rules, told step by step, acknowledged, silenced, resolved."""

from quanyu.operations.alerts.acting import acknowledge, may_act
from quanyu.operations.alerts.changing import change_rule_state, keep_rule
from quanyu.operations.alerts.escalating import (
    RECHECK,
    TITLES,
    escalate_due,
    escalation_wanted,
    work_done,
)
from quanyu.operations.alerts.forgetting import drop_old_alerts
from quanyu.operations.alerts.judging import judge_new, judged_until, judging_wanted
from quanyu.operations.alerts.model import (
    MATCHED,
    OPEN_STATES,
    Alert,
    AlertPage,
    AlertRaised,
    AlertResolved,
    AlertState,
    Silence,
)
from quanyu.operations.alerts.raising import instant
from quanyu.operations.alerts.reading import (
    AlertFigures,
    AlertFilter,
    alert,
    alert_figures,
    find_alerts,
    newest_change,
)
from quanyu.operations.alerts.sight import Sight, sight_of
from quanyu.operations.alerts.silencing import end_silence, silence, silences
from quanyu.operations.alerts.wording import peak_unit, worst_text

__all__ = [
    "MATCHED",
    "OPEN_STATES",
    "RECHECK",
    "TITLES",
    "Alert",
    "AlertFigures",
    "AlertFilter",
    "AlertPage",
    "AlertRaised",
    "AlertResolved",
    "AlertState",
    "Sight",
    "Silence",
    "acknowledge",
    "alert",
    "alert_figures",
    "change_rule_state",
    "drop_old_alerts",
    "end_silence",
    "escalate_due",
    "escalation_wanted",
    "find_alerts",
    "instant",
    "judge_new",
    "judged_until",
    "judging_wanted",
    "keep_rule",
    "may_act",
    "newest_change",
    "peak_unit",
    "sight_of",
    "silence",
    "silences",
    "work_done",
    "worst_text",
]
