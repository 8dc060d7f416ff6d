import type { Page, ViewName, Views } from '../../src/reply.ts'

/** @returns makes samples of one view: each says in what it differs from `model` */
export const variantsOf =
  <Name extends ViewName>(view: Name, model: Views[Name]) =>
  (changed: Partial<Views[Name]> = {}): Page =>
    ({ kind: 'page', view, model: { ...model, ...changed } }) as Page
