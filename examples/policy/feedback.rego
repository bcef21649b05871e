# A policy that takes verified feedback into account, as Countersign's evaluateAllow does.
#
# input.base_allow   the decision without feedback
# input.feedback     what `countersign policy input` prints, or FeedbackPolicy.policyInput gives
package countersign.feedback

import rego.v1

default allow := false

allow if {
	input.base_allow == true
	input.feedback.feedback_bound == false
}

allow if {
	input.base_allow == true
	input.feedback.feedback_bound == true
	not refused
}

# Missing or odd feedback is no reason to allow: neither rule above holds then.
refused if input.feedback.feedback_action == "deny"

refused if {
	input.feedback.feedback_action == "tighten"
	not input.feedback.feedback_confidence < 0.8
}
