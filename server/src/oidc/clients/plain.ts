/** Foreign text for an error_description, whose characters RFC 6749 limits (4.1.2.1). */
export const plain = (text: string): string => text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?').slice(0, 200)
