// Holds a person's row. It comes before a statement that ends what is theirs: only a later statement sees the rows of a sign-in that had the row
// locked.
import { statement } from '../driver/database.ts'

export const holdPerson = statement('person-hold', 'SELECT FROM users WHERE id = $1::uuid FOR NO KEY UPDATE')
