/** Every target, made when a run begins. */
import type { Target } from '../target.js';
import { accessLogTarget } from './access-log.js';
import { canonicalTarget } from './canonical.js';
import { bodiesTarget, checkRequestTarget, headersTarget } from './checks.js';
import { configurationTarget } from './configuration.js';
import { processingTarget } from './processing.js';

/** By name, as findings are filed. */
export const TARGETS: Readonly<Record<string, () => Target>> = {
  'check-request': checkRequestTarget,
  headers: headersTarget,
  bodies: bodiesTarget,
  configuration: configurationTarget,
  'processing-request': processingTarget,
  'access-log': accessLogTarget,
  'canonical-json': canonicalTarget,
};
