// The response modes: how an authorization response reaches the client.

export const responseModes = [
  'query',
  'fragment',
  'form_post',
  'jwt',
  'query.jwt',
  'fragment.jwt',
  'form_post.jwt',
] as const
export type ResponseMode = (typeof responseModes)[number]

/** The default of `responseModes`. */
export const defaultResponseModes: readonly ResponseMode[] = ['query', 'fragment', 'form_post']
