"""What may become of a returned row, in Chinese and English. A table, so that it can be read by who answers for it."""

from collections.abc import Mapping

RESULTS: Mapping[str, tuple[str, str]] = {
    "proposed": ("已建议，等待另一人批准", "proposed; somebody else has to approve it"),
    "already_proposed": (
        "此工作簿已为该差异提出过同一建议，未重复",
        "this workbook has proposed this before; nothing was done twice",
    ),
    "left_alone": ("未填处理，保持不变", "no action was given; left alone"),
    "stale": (
        "导出后该差异已变化，请重新导出",
        "the break has changed since the list was taken out; take it out again",
    ),
    "gone": ("该差异已消除，无需处理", "the break is cleared; there is nothing left to resolve"),
    "break_unknown": ("没有此差异编号", "there is no break with this number"),
    "not_of_this_workbook": ("该差异不在此工作簿中", "this break was not in this workbook"),
    "twice_in_file": ("同一差异在文件中出现两次", "the same break stands twice in this file"),
    "another_action_proposed": (
        "此工作簿已为该差异提出另一建议，请先否决原建议",
        "this workbook has proposed another action for it; have that rejected first",
    ),
    "a_proposal_waits": ("该差异已有待批准的建议", "another proposal for it waits for approval"),
    "action_unknown": ("没有此处理方式", "there is no such action"),
    "action_not_for_this_kind": ("此种差异不能这样处理", "this action cannot be taken for this kind of break"),
    "reason_missing": ("请填写理由（至少三个字符）", "give a reason of at least three characters"),
    "reason_too_long": ("理由过长（最多 200 个字符）", "the reason is longer than 200 characters"),
    "formula": ("单元格含公式，不予接受", "a cell holds a formula; formulas are not taken"),
    "error_value": ("单元格为错误值", "a cell holds an error value"),
    "not_text": ("单元格不是文字或过长", "a cell is not text, or too long"),
    "refused": ("建议未被接受", "the proposal was not taken"),
}
"""result -> (Chinese, English)."""
