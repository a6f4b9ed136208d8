export function apiOf(name: string): string
