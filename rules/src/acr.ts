// The values of `acr`, and which one is the stronger.
/** What a sign-in can have as `acr`, the weakest first: a stronger one is enough wherever a weaker one is asked for. */
export const acrLevels = ['urn:nauthera:password', 'urn:nauthera:mfa'] as const
