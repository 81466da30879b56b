/* @ts-self-types="../src/testing/mod.ts" */
// Made by `deno task build` from src/; do not edit.
import{loadForTest as o,signForTest as r}from"./part_8.js";import"./part_2.js";import"./part_3.js";import"./part_4.js";import"./part_5.js";import"./part_6.js";import"./part_7.js";export{o as loadForTest,r as signForTest};
