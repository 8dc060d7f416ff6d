// Where files that are not code lie. Only here is a place worked out from the place of this file: in an image, where the server is
// one bundle in the same folder, it stays true.
import { fileURLToPath } from 'node:url'

const place = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const viewsDirectory = place('../views')
export const localesDirectory = place('../locales')
export const assetsDirectory = place('../assets')
export const sqlDirectory = place('./store/sql')
