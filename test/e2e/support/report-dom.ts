/** What the functions that run in the page use of it: the program as a whole has no DOM, and its types none either. */
export interface PageElement {
  readonly tagName: string;
  readonly id: string;
  readonly textContent: string | null;
  readonly parentElement: PageElement | null;
  readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string | null }>;
  readonly firstChild: { readonly textContent: string | null } | null;
  readonly attributes: Iterable<{ readonly name: string }>;
  readonly clientWidth: number;
  readonly scrollWidth: number;
  /** Of SVG only; null for the outermost. */
  readonly ownerSVGElement?: PageElement | null;
  readonly viewBox: { readonly baseVal: { readonly width: number } };
  getBBox(): { readonly width: number };
  getClientRects(): { readonly length: number };
  getBoundingClientRect(): {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<PageElement>;
}

export interface PageDocument {
  readonly body: PageElement;
  readonly documentElement: PageElement;
  getElementById(id: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
}

export type ComputedStyle = (
  element: PageElement,
  pseudo?: string,
) => {
  readonly content: string;
  readonly color: string;
  readonly fill: string;
  readonly fontSize: string;
  readonly backgroundColor: string;
};

// In the page.
declare const document: PageDocument;
declare const getComputedStyle: ComputedStyle;

/** Runs in the page: the contrast (WCAG 2, relative luminance) of everything that is written or drawn with its ground. */
export function contrasts() {
  const luminance = (colour: string): number => {
    const [r, g, b] = colour.match(/[\d.]+/g)!.map((part) => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const groundOf = (element: PageElement): string => {
    for (let at: PageElement | null = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\)$|transparent/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const ratio = (one: string, other: string): number => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high! + 0.05) / (low! + 0.05);
  };
  const texts = [...document.querySelectorAll('body *')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== ''))
    .filter((element) => !['title', 'desc'].includes(element.tagName) && element.getClientRects().length > 0)
    .map((element) => {
      const style = getComputedStyle(element);
      const colour = 'ownerSVGElement' in element ? style.fill : style.color;
      return { text: element.textContent!.slice(0, 30), colour, ratio: ratio(colour, groundOf(element)) };
    });
  const drawn = [...document.querySelectorAll('svg path')].filter((path) => path.getAttribute('fill') !== 'none');
  const shapes = [...drawn, ...document.querySelectorAll('.legend i')].map((shape) => {
    const style = getComputedStyle(shape);
    const colour = 'ownerSVGElement' in shape ? style.fill : style.backgroundColor;
    return { colour, ratio: ratio(colour, groundOf(shape.parentElement!)) };
  });
  return { ground: getComputedStyle(document.body).backgroundColor, texts, shapes };
}
