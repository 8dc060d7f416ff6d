// The levels of a sign-in, in the words of `acr`.
/** What a sign-in can have as `acr`, the weakest first: a stronger one is enough wherever a weaker one is asked for. */
export const acrLevels = ['urn:nauthera:password', 'urn:nauthera:mfa'] as const
