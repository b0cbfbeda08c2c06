/** A question as a form: one labelled field per parameter. Fields that are left empty are not given. */

import type { Parameter, Question } from '../queries/question.ts';
import { type Html, html } from '../report/html.ts';
import { timeText } from '../text/time.ts';
import type { Span } from './lead.ts';

export function questionForm({ name, parameters }: Question, given: ReadonlyMap<string, string>, usual: Span): Html {
  return html`<form class="fields" action="/ask/${name}" method="get">
${parameters.map((parameter) => fieldOf(parameter, given.get(parameter.name) ?? usualOf(parameter, usual)))}
<p class="buttons"><button name="run" value="1">Ask</button> <button name="run" value="0" class="second">Show SQL and bytes first</button></p>
</form>`;
}

/** What a required time is filled in with: the usual span. */
function usualOf({ name, required }: Parameter, usual: Span): string | undefined {
  if (!required || (name !== 'from' && name !== 'to')) return undefined;
  return timeText(usual[name]);
}

function fieldOf(parameter: Parameter, value: string | undefined): Html {
  const { name, description, example, required = false, default: preset } = parameter;
  const id = `field-${name}`;
  const hint = `${description}; such as ${example}${preset === undefined ? '' : `; ${preset} if empty`}`;
  return html`<div><label for="${id}">${name}${required && html` <span class="required">required</span>`}</label>${inputOf(parameter, id, value ?? '')}<small id="${id}-hint">${hint}</small></div>
`;
}

function inputOf({ name, type, required, default: preset }: Parameter, id: string, value: string): Html {
  const choices = type === 'truth' ? ['true', 'false'] : type === 'unit' ? ['minute', 'hour', 'day'] : undefined;
  const must = required === true && html` required`;
  if (choices !== undefined) {
    const options = [preset ?? '', ...choices.filter((choice) => choice !== preset)];
    return html`<select id="${id}" name="${name}" aria-describedby="${id}-hint"${must}>${options.map(
      (choice) => html`<option value="${choice}"${choice === value && html` selected`}>${choice || 'either'}</option>`,
    )}</select>`;
  }
  const kind = type === 'number' ? 'number' : 'text';
  return html`<input type="${kind}" id="${id}" name="${name}" value="${value}" aria-describedby="${id}-hint" autocomplete="off" spellcheck="false"${must}>`;
}
