"""What can be wrong with a rule or a segment. `field` is a position in the rule, such as `all[1].where[0]`."""

from parcours.kernel.errors import Conflict, Invalid


class RuleInvalid(Invalid):
    """The rule cannot be understood, or names something that this workspace does not have."""

    code = "rule_invalid"


class SegmentInUse(Conflict):
    """Another segment, a purpose, a journey or a campaign uses this one."""

    code = "segment_in_use"


class PreviewTooSlow(Conflict):
    """Counting the people takes longer than a page may wait."""

    code = "preview_too_slow"


class SegmentExists(Conflict):
    """Another segment has this name already."""

    code = "segment_exists"
