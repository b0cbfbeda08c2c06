/**
 * Runs a state machine in the Amazon States Language, as far as ours goes: tasks with retries, choices, a distributed map over
 * lines of JSON, paths, States.Format. Anything else throws.
 */
export interface StateMachine {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly End?: true;
  readonly Resource?: string;
  readonly Parameters?: unknown;
  readonly ResultSelector?: unknown;
  readonly ResultPath?: string | null;
  readonly OutputPath?: string;
  readonly Choices?: readonly Choice[];
  readonly Catch?: readonly { readonly Next: string; readonly ResultPath?: string }[];
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[]; readonly MaxAttempts: number }[];
  readonly ItemReader?: { readonly Resource: string; readonly ReaderConfig: unknown; readonly Parameters: unknown };
  readonly ItemSelector?: unknown;
  readonly ItemProcessor?: StateMachine & { readonly ProcessorConfig: unknown };
  readonly MaxConcurrency?: number;
  readonly Error?: string;
}

interface Choice {
  readonly Variable: string;
  readonly Next: string;
  readonly NumericGreaterThan?: number;
  readonly BooleanEquals?: boolean;
}

export interface Services {
  /** The name of the execution. */
  readonly name: string;
  /** A task, by its resource and its parameters. */
  call(resource: string, parameters: unknown): Promise<unknown>;
  /** An object of S3 as text. */
  read(bucket: string, key: string): Promise<string>;
}

type Json = Readonly<Record<string, unknown>>;

/** The output of the state that ends it. Throws where it ends as failed. */
export async function execute(machine: StateMachine, input: unknown, services: Services): Promise<unknown> {
  const context: Json = { Execution: { Name: services.name, Input: input } };
  return run(machine, input, context, services);
}

async function run(machine: StateMachine, input: unknown, context: Json, services: Services): Promise<unknown> {
  let value = input;
  for (let name: string | undefined = machine.StartAt; name !== undefined; ) {
    const state: State = machine.States[name]!;
    if (state.Type === 'Succeed') return value;
    if (state.Type === 'Fail') throw new Error(state.Error);
    if (state.Type === 'Choice') {
      name = state.Choices!.find((choice) => holds(choice, value, context))?.Next ?? state.Default;
      continue;
    }
    const work = state.Type === 'Map' ? runMap : runTask;
    try {
      const result = await work(state, value, context, services);
      const selected = state.ResultSelector ? evaluate(state.ResultSelector, result, context) : result;
      value = at(state.OutputPath ?? '$', placed(value, state.ResultPath, selected), context);
      name = state.Next;
    } catch (error) {
      const [caught] = state.Catch ?? [];
      if (caught === undefined) throw error;
      value = placed(value, caught.ResultPath, { Error: (error as Error).name, Cause: (error as Error).message });
      name = caught.Next;
    }
  }
  return value;
}

async function runTask(state: State, input: unknown, context: Json, services: Services): Promise<unknown> {
  const parameters = evaluate(state.Parameters, input, context);
  const more = state.Retry?.[0]?.MaxAttempts ?? 0;
  for (let retry = 0; ; retry++) {
    try {
      return await services.call(state.Resource!, parameters);
    } catch (error) {
      if (retry === more) throw error;
    }
  }
}

async function runMap(state: State, input: unknown, context: Json, services: Services): Promise<unknown[]> {
  const { Bucket, Key } = evaluate(state.ItemReader!.Parameters, input, context) as { Bucket: string; Key: string };
  const lines = (await services.read(Bucket, Key)).split('\n').filter((line) => line !== '');
  const results: unknown[] = [];
  for (let next = 0; next < lines.length; next += state.MaxConcurrency!) {
    const some = lines.slice(next, next + state.MaxConcurrency!).map((line) => {
      const inner = { ...context, Map: { Item: { Value: JSON.parse(line) as unknown } } };
      return run(state.ItemProcessor!, evaluate(state.ItemSelector, input, inner), inner, services);
    });
    results.push(...(await Promise.all(some)));
  }
  return results;
}

function holds({ Variable, NumericGreaterThan, BooleanEquals }: Choice, value: unknown, context: Json): boolean {
  const found = at(Variable, value, context);
  if (NumericGreaterThan !== undefined) return (found as number) > NumericGreaterThan;
  if (BooleanEquals !== undefined) return found === BooleanEquals;
  throw new Error(`a choice that is not known: ${Variable}`);
}

/** Members whose names end in `.$` are paths or calls of functions. */
function evaluate(template: unknown, input: unknown, context: Json): unknown {
  if (Array.isArray(template)) return template.map((one) => evaluate(one, input, context));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) =>
      name.endsWith('.$')
        ? [name.slice(0, -2), expression(value as string, input, context)]
        : [name, evaluate(value, input, context)],
    ),
  );
}

function expression(text: string, input: unknown, context: Json): unknown {
  if (text.startsWith('$')) return at(text, input, context);
  const [, format, rest] = /^States\.Format\('([^']*)'((?:, \$[\w.$]+)*)\)$/.exec(text) ?? [];
  if (format === undefined) throw new Error(`an expression that is not known: ${text}`);
  const values = rest!.split(', ').slice(1);
  return format.replace(/\{\}/g, () => {
    const value = at(values.shift()!, input, context);
    if (typeof value === 'object') throw new Error(`States.Format takes no ${JSON.stringify(value)}`);
    return String(value);
  });
}

function at(path: string, input: unknown, context: Json): unknown {
  const [root, ...names] = path.split('.');
  if (root !== '$' && root !== '$$') throw new Error(`a path that is not known: ${path}`);
  let value = root === '$$' ? context : input;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      throw new Error(`nothing at ${path}`);
    value = (value as Json)[name];
  }
  return value;
}

function placed(input: unknown, path: string | null | undefined, result: unknown): unknown {
  if (path === null) return input;
  if (path === undefined || path === '$') return result;
  const [, name] = /^\$\.(\w+)$/.exec(path)!;
  return { ...(input as Json), [name!]: result };
}
