/** Why tokens of the platform were refused: ci/e2e/secretless.e2e.ts shows them, ci/e2e/audit.e2e.ts looks at their rows a minute later. */
export const refusedTokens: string[] = []
