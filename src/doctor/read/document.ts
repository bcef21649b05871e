/** A text as plain data: JSON as Envoy's admin endpoint prints it, or YAML as people write it. */
import { parseConfigurationDocument } from '../../config/document/document.js';
import { Findings, renderProblems } from '../../config/document/findings.js';
import { partsOf, type DumpFault, type EnvoyParts } from './dump.js';

/** The dump of a large mesh; longer ones are not read. */
export const MAX_DUMP_BYTES = 134_217_728;
/** YAML is for people, and takes a hundred times as long to read. */
const MAX_YAML_CHARACTERS = 8_388_608;

/** The parts of an Envoy in a text, or why there are none. Never throws, whatever the text. */
export function readDocument(name: string, text: string): EnvoyParts | DumpFault {
  const value = /^\s*[[{]/.test(text) ? parseJson(text) : parseYaml(name, text);
  return 'fault' in value ? value.fault : partsOf(value.value);
}

type Parsed = { readonly value: unknown } | { readonly fault: DumpFault };

/** Real ones have thirty; what recurses into it later shall not run out of stack. */
const MAX_DEPTH = 200;

/** Whether brackets outside of strings are nested too deeply. Linear in the length of the text. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/gs)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

function parseJson(text: string): Parsed {
  if (isTooDeep(text)) {
    const message = `is nested in more than ${MAX_DEPTH} levels`;
    return { fault: { message, remedy: 'take it again from Envoy itself' } };
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    const fault = { message: 'is not valid JSON', remedy: 'take it again, whole and unchanged' };
    return { fault };
  }
}

function parseYaml(name: string, text: string): Parsed {
  if (text.length > MAX_YAML_CHARACTERS) {
    const message = `is YAML of more than ${MAX_YAML_CHARACTERS} characters`;
    return { fault: { message, remedy: 'convert it to JSON, or take a config_dump' } };
  }
  const findings = new Findings(name);
  const value = parseConfigurationDocument(text, findings);
  if (value !== undefined) return { value };
  const message = `is not acceptable: ${renderProblems(findings.problems.slice(0, 3))}`;
  return { fault: { message, remedy: 'mend the YAML as Envoy would want it, too' } };
}
