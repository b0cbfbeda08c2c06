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
