/**
 * Elements and text. Whatever a client wrote goes through `visible` and becomes a text node; no markup is ever made of
 * text (the page's policy demands trusted types, and makes none).
 */

/**
 * @typedef {Node | string | undefined} Child
 * @typedef {Record<string, string | number | boolean | undefined>} Attributes
 */

/**
 * An element; an attribute that is undefined or false is left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * The element of this id, which is in the page.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @returns {Kind}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return /** @type {Kind} */ (element);
}

/**
 * Text that is not said again to a screen reader while it stays the same.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Children by key: who stays is not touched, so that focus, selection and what is open stay, too.
 * @template {{ key: string, make: () => Element, update?: (element: Element) => void }} Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 */
export function keyed(parent, items) {
  const known = new Map(
    [...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset['key'], child]),
  );
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  const kept = new Set();
  for (const { key, make, update } of items) {
    if (kept.has(key)) continue;
    kept.add(key);
    let child = known.get(key);
    if (child === undefined) {
      child = make();
      /** @type {HTMLElement} */ (child).dataset['key'] = key;
    }
    update?.(child);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const [key, child] of known) if (!kept.has(key)) child.remove();
}

/** Controls, directional marks and overrides, invisible and unpaired characters: what could make a text look like another. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;

/**
 * Foreign text with everything in sight.
 * @param {unknown} text
 */
export function visible(text) {
  return String(text).replace(UNSEEN, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Foreign text in an element of its own direction.
 * @param {unknown} text
 * @param {string} [kind] a class
 */
export function foreign(text, kind) {
  return el('bdi', { class: kind === undefined ? 'foreign' : `foreign ${kind}`, dir: 'ltr' }, visible(text));
}

/**
 * A list of facts; those without a value are left out.
 * @param {readonly (readonly [string, Child])[]} pairs
 */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== undefined && value !== '');
  return el(
    'dl',
    { class: 'facts' },
    ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}
