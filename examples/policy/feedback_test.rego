# Run with: opa test examples/policy
# The cases are those that the TypeScript side is tested with, in cases.json.
package countersign.feedback_test

import data.countersign.feedback
import rego.v1

test_cases if {
	count(data.cases) > 0
	every example in data.cases {
		feedback.allow == example.allow with input as {
			"base_allow": example.base_allow,
			"feedback": example.feedback,
		}
	}
}

test_without_feedback_nothing_is_allowed if {
	not feedback.allow with input as {"base_allow": true}
}
