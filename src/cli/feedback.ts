/** `countersign feedback …`: the consumer's commands. */
import { registerFeedbackQuery } from './feedback-query.js';
import { registerFeedbackVerify } from './feedback-verify.js';
import { examples } from './help.js';
import type { Register } from './session.js';

/** Adds the group. */
export const registerFeedback: Register = (program, session) => {
  const group = program
    .command('feedback')
    .description('query signed feedback, verify it, and see what of it is applied')
    .addHelpText(
      'after',
      examples('countersign feedback verify --help', 'countersign feedback query --help'),
    );
  registerFeedbackQuery(group, session);
  registerFeedbackVerify(group, session);
};
