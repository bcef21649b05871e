/** A Dockerfile as far as ours uses the language: stages of instructions, with their arguments filled in. */

/** One instruction of a stage; `text` is what follows the keyword and the flags. */
export interface Instruction {
  readonly keyword: string;
  readonly flags: ReadonlyMap<string, string>;
  readonly text: string;
}

/** From one FROM to the next. `name` is the index of a stage that has none. */
export interface BuildStage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** Reads the stages of a Dockerfile; `${NAME}` is filled in from `given` (--build-arg), else from the defaults of ARG. */
export function parseDockerfile(text: string, given: Readonly<Record<string, string>> = {}): BuildStage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  const defaults = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line, defaults);
    if (instruction.keyword === 'ARG') noteDefault(instruction.text, defaults, given);
    else if (instruction.keyword === 'FROM') stages.push(newStage(instruction.text, stages.length));
    else stages.at(-1)!.instructions.push(instruction);
  }
  return stages;
}

/** An instruction's JSON list (exec form); throws where it is in shell form. */
export function execForm(text: string): string[] {
  return JSON.parse(text) as string[];
}

/** The last stage, and those that it is made of, in their order: an engine builds no other. */
export function neededStages(stages: readonly BuildStage[]): BuildStage[] {
  const needed = new Set([stages.at(-1)!.name]);
  for (const { name, base, instructions } of stages.toReversed()) {
    if (!needed.has(name)) continue;
    needed.add(base);
    for (const { flags } of instructions) needed.add(flags.get('from') ?? name);
  }
  return stages.filter(({ name }) => needed.has(name));
}

function newStage(text: string, index: number) {
  const [base = '', , name = String(index)] = text.split(/\s+/);
  return { name, base, instructions: [] };
}

function logicalLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(?:#.*)?$/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
}

function parseInstruction(line: string, defaults: ReadonlyMap<string, string>): Instruction {
  const [, keyword = '', flagText = '', rest = ''] = /^(\w+)\s+((?:--\S+\s+)*)(.*)$/.exec(line)!;
  const fill = (text: string) => text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => defaults.get(name)!);
  const flags = flagText.split(/\s+/).filter((flag) => flag !== '');
  const pairs = flags.map((flag) => flag.slice(2).split('=', 2) as [string, string]);
  // A shell fills in its own variables.
  return { keyword, flags: new Map(pairs), text: keyword === 'RUN' ? rest : fill(rest) };
}

function noteDefault(
  text: string,
  defaults: Map<string, string>,
  given: Readonly<Record<string, string>>,
): void {
  const [name = '', value = ''] = text.split('=', 2);
  defaults.set(name, given[name] ?? value);
}
