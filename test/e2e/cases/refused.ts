/** Every table of what the verifier refuses, with its title. */
import { AUTHENTICATION_CASES } from './authentication.js';
import { AUTHORISATION_CASES } from './authorisation.js';
import { BODY_CASES } from './bodies.js';
import type { RefusalCase } from './case.js';
import { JSON_CASES } from './json-bodies.js';
import { PATH_CASES } from './paths.js';
import { ROUTE_CASES } from './routes.js';
import { HEADER_CASES } from './security-headers.js';

export const REFUSAL_TABLES: readonly (readonly [title: string, cases: readonly RefusalCase[]])[] = [
  ['security headers', HEADER_CASES],
  ['who calls, when, and with which proof', AUTHENTICATION_CASES],
  ['encodings and JSON', JSON_CASES],
  ['what the body may say', BODY_CASES],
  ['for whom, and how much', AUTHORISATION_CASES],
  ['paths, methods and authorities', ROUTE_CASES],
  ['paths that can be read in two ways', PATH_CASES],
];
