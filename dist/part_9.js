// Made by `deno task build` from src/; do not edit.
import {
  AuditReader,
  DATA_PLACEHOLDER,
  checkIsLog,
  inspectBundle,
  verifyAuditLog
} from "./part_1.js";
import {
  loadForTest,
  signBundle
} from "./part_8.js";
import {
  ContentError,
  DEFAULT_LIMITS,
  KEY_BYTES,
  MAX_HISTORY,
  MAX_PASSPHRASE_FILE_BYTES,
  MAX_SIGNATURES,
  MAX_STATUS_BYTES,
  MAX_STATUS_PLUGINS,
  OWN_BUNDLE,
  OWN_STORAGE,
  PARSING,
  PLUGIN_STATES,
  PROLOGUE,
  PluginHost,
  Quarantine,
  STATUS_FILE,
  SealingKey,
  TrustList,
  _enum,
  array,
  asksOf,
  baselineOf,
  canCover,
  checkTrustListContent,
  commandLine,
  compareAsks,
  compareVersions,
  compileSeccomp,
  createTrustListContent,
  decodeHex,
  decodePemBlock,
  decodePrivateKeyPem,
  describeAddedAsk,
  describeChange,
  describeIssues,
  diffRoots,
  diffTrustLists,
  encodeBase64,
  encodeHex,
  encodePemBlock,
  encodePrivateKeyPem,
  encodePublicKeyPem,
  findDeno,
  findKey,
  findLibraries,
  findOpenToOthers,
  findPublisher,
  generateKeyPair,
  hookBand,
  int,
  isListExpired,
  isVersionRange,
  iso_exports,
  joinIssues,
  keyId,
  kill,
  literal,
  manifestJsonSchema,
  number,
  openLaunchers,
  openNoFollow,
  openSealed,
  overlaps,
  packageRoot,
  parsePublicKey,
  parseStatement,
  parseStrictJson,
  partialRecord,
  passphraseOf,
  pathCovers,
  probeLauncher,
  readAsks,
  readAtMost,
  readBundle,
  readKeyFile,
  readNamedFile,
  readPassphraseFile,
  readSealedFile,
  readSmallFile,
  remedyFor,
  replaceSealedFile,
  revocationCovers,
  runBounded,
  scriptCommand,
  shellWord,
  strictObject,
  string,
  survey,
  toListKey,
  verifyBundle,
  writeNewFile
} from "./part_2.js";
import {
  NEWEST_TESTED_DENO,
  VERSION,
  denoProblem,
  untestedDeno
} from "./part_3.js";
import {
  removeTree,
  systemHint
} from "./part_4.js";
import {
  MAX_SOCKET_PATH_BYTES,
  addressBits,
  fitsSocket,
  intersectNet,
  parseNetScope,
  shortFolders
} from "./part_5.js";
import {
  SALLYPORT_ERROR_CODES,
  SallyportError,
  escapeText,
  hasInvisible,
  readThrown
} from "./part_6.js";
import "./part_7.js";

// npm:commander/15.1.0/lib/error.js
var CommanderError = class extends Error {
  /**
   * Constructs the CommanderError class
   * @param {number} exitCode suggested exit code which could be used with process.exit
   * @param {string} code an id string representing the error
   * @param {string} message human-readable description of the error
   */
  constructor(exitCode, code, message) {
    super(message);
    Error.captureStackTrace(this, this.constructor);
    this.name = this.constructor.name;
    this.code = code;
    this.exitCode = exitCode;
    this.nestedError = void 0;
  }
};
var InvalidArgumentError = class extends CommanderError {
  /**
   * Constructs the InvalidArgumentError class
   * @param {string} [message] explanation of why argument is invalid
   */
  constructor(message) {
    super(1, "commander.invalidArgument", message);
    Error.captureStackTrace(this, this.constructor);
    this.name = this.constructor.name;
  }
};

// npm:commander/15.1.0/lib/argument.js
var Argument = class {
  /**
   * Initialize a new command argument with the given name and description.
   * The default is that the argument is required, and you can explicitly
   * indicate this with <> around the name. Put [] around the name for an optional argument.
   *
   * @param {string} name
   * @param {string} [description]
   */
  constructor(name, description) {
    this.description = description || "";
    this.variadic = false;
    this.parseArg = void 0;
    this.defaultValue = void 0;
    this.defaultValueDescription = void 0;
    this.argChoices = void 0;
    switch (name[0]) {
      case "<":
        this.required = true;
        this._name = name.slice(1, -1);
        break;
      case "[":
        this.required = false;
        this._name = name.slice(1, -1);
        break;
      default:
        this.required = true;
        this._name = name;
        break;
    }
    if (this._name.endsWith("...")) {
      this.variadic = true;
      this._name = this._name.slice(0, -3);
    }
  }
  /**
   * Return argument name.
   *
   * @return {string}
   */
  name() {
    return this._name;
  }
  /**
   * @package
   */
  _collectValue(value, previous) {
    if (previous === this.defaultValue || !Array.isArray(previous)) {
      return [
        value
      ];
    }
    previous.push(value);
    return previous;
  }
  /**
   * Set the default value, and optionally supply the description to be displayed in the help.
   *
   * @param {*} value
   * @param {string} [description]
   * @return {Argument}
   */
  default(value, description) {
    this.defaultValue = value;
    this.defaultValueDescription = description;
    return this;
  }
  /**
   * Set the custom handler for processing CLI command arguments into argument values.
   *
   * @param {Function} [fn]
   * @return {Argument}
   */
  argParser(fn) {
    this.parseArg = fn;
    return this;
  }
  /**
   * Only allow argument value to be one of choices.
   *
   * @param {string[]} values
   * @return {Argument}
   */
  choices(values) {
    this.argChoices = values.slice();
    this.parseArg = (arg, previous) => {
      if (!this.argChoices.includes(arg)) {
        throw new InvalidArgumentError(`Allowed choices are ${this.argChoices.join(", ")}.`);
      }
      if (this.variadic) {
        return this._collectValue(arg, previous);
      }
      return arg;
    };
    return this;
  }
  /**
   * Make argument required.
   *
   * @returns {Argument}
   */
  argRequired() {
    this.required = true;
    return this;
  }
  /**
   * Make argument optional.
   *
   * @returns {Argument}
   */
  argOptional() {
    this.required = false;
    return this;
  }
};
function humanReadableArgName(arg) {
  const nameOutput = arg.name() + (arg.variadic === true ? "..." : "");
  return arg.required ? "<" + nameOutput + ">" : "[" + nameOutput + "]";
}

// npm:commander/15.1.0/lib/command.js
import { EventEmitter } from "node:events";
import childProcess from "node:child_process";
import path from "node:path";
import fs from "node:fs";
import process from "node:process";
import { stripVTControlCharacters as stripVTControlCharacters2 } from "node:util";

// npm:commander/15.1.0/lib/help.js
import { stripVTControlCharacters } from "node:util";
var Help = class {
  constructor() {
    this.helpWidth = void 0;
    this.minWidthToWrap = 40;
    this.sortSubcommands = false;
    this.sortOptions = false;
    this.showGlobalOptions = false;
  }
  /**
   * prepareContext is called by Commander after applying overrides from `Command.configureHelp()`
   * and just before calling `formatHelp()`.
   *
   * Commander just uses the helpWidth and the rest is provided for optional use by more complex subclasses.
   *
   * @param {{ error?: boolean, helpWidth?: number, outputHasColors?: boolean }} contextOptions
   */
  prepareContext(contextOptions) {
    this.helpWidth = this.helpWidth ?? contextOptions.helpWidth ?? 80;
  }
  /**
   * Get an array of the visible subcommands. Includes a placeholder for the implicit help command, if there is one.
   *
   * @param {Command} cmd
   * @returns {Command[]}
   */
  visibleCommands(cmd) {
    const visibleCommands = cmd.commands.filter((cmd2) => !cmd2._hidden);
    const helpCommand = cmd._getHelpCommand();
    if (helpCommand && !helpCommand._hidden) {
      visibleCommands.push(helpCommand);
    }
    if (this.sortSubcommands) {
      visibleCommands.sort((a, b) => {
        return a.name().localeCompare(b.name());
      });
    }
    return visibleCommands;
  }
  /**
   * Compare options for sort.
   *
   * @param {Option} a
   * @param {Option} b
   * @returns {number}
   */
  compareOptions(a, b) {
    const getSortKey = (option) => {
      return option.short ? option.short.replace(/^-/, "") : option.long.replace(/^--/, "");
    };
    return getSortKey(a).localeCompare(getSortKey(b));
  }
  /**
   * Get an array of the visible options. Includes a placeholder for the implicit help option, if there is one.
   *
   * @param {Command} cmd
   * @returns {Option[]}
   */
  visibleOptions(cmd) {
    const visibleOptions = cmd.options.filter((option) => !option.hidden);
    const helpOption = cmd._getHelpOption();
    if (helpOption && !helpOption.hidden) {
      const removeShort = helpOption.short && cmd._findOption(helpOption.short);
      const removeLong = helpOption.long && cmd._findOption(helpOption.long);
      if (!removeShort && !removeLong) {
        visibleOptions.push(helpOption);
      } else if (helpOption.long && !removeLong) {
        visibleOptions.push(cmd.createOption(helpOption.long, helpOption.description).helpGroup(helpOption.helpGroupHeading));
      } else if (helpOption.short && !removeShort) {
        visibleOptions.push(cmd.createOption(helpOption.short, helpOption.description).helpGroup(helpOption.helpGroupHeading));
      }
    }
    if (this.sortOptions) {
      visibleOptions.sort(this.compareOptions);
    }
    return visibleOptions;
  }
  /**
   * Get an array of the visible global options. (Not including help.)
   *
   * @param {Command} cmd
   * @returns {Option[]}
   */
  visibleGlobalOptions(cmd) {
    if (!this.showGlobalOptions) return [];
    const globalOptions = [];
    for (let ancestorCmd = cmd.parent; ancestorCmd; ancestorCmd = ancestorCmd.parent) {
      const visibleOptions = ancestorCmd.options.filter((option) => !option.hidden);
      globalOptions.push(...visibleOptions);
    }
    if (this.sortOptions) {
      globalOptions.sort(this.compareOptions);
    }
    return globalOptions;
  }
  /**
   * Get an array of the arguments if any have a description.
   *
   * @param {Command} cmd
   * @returns {Argument[]}
   */
  visibleArguments(cmd) {
    if (cmd._argsDescription) {
      cmd.registeredArguments.forEach((argument) => {
        argument.description = argument.description || cmd._argsDescription[argument.name()] || "";
      });
    }
    if (cmd.registeredArguments.find((argument) => argument.description)) {
      return cmd.registeredArguments;
    }
    return [];
  }
  /**
   * Get the command term to show in the list of subcommands.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  subcommandTerm(cmd) {
    const args = cmd.registeredArguments.map((arg) => humanReadableArgName(arg)).join(" ");
    return cmd._name + (cmd._aliases[0] ? "|" + cmd._aliases[0] : "") + (cmd.options.length ? " [options]" : "") + // simplistic check for non-help option
    (args ? " " + args : "");
  }
  /**
   * Get the option term to show in the list of options.
   *
   * @param {Option} option
   * @returns {string}
   */
  optionTerm(option) {
    return option.flags;
  }
  /**
   * Get the argument term to show in the list of arguments.
   *
   * @param {Argument} argument
   * @returns {string}
   */
  argumentTerm(argument) {
    return argument.name();
  }
  /**
   * Get the longest command term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestSubcommandTermLength(cmd, helper) {
    return helper.visibleCommands(cmd).reduce((max, command) => {
      return Math.max(max, this.displayWidth(helper.styleSubcommandTerm(helper.subcommandTerm(command))));
    }, 0);
  }
  /**
   * Get the longest option term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestOptionTermLength(cmd, helper) {
    return helper.visibleOptions(cmd).reduce((max, option) => {
      return Math.max(max, this.displayWidth(helper.styleOptionTerm(helper.optionTerm(option))));
    }, 0);
  }
  /**
   * Get the longest global option term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestGlobalOptionTermLength(cmd, helper) {
    return helper.visibleGlobalOptions(cmd).reduce((max, option) => {
      return Math.max(max, this.displayWidth(helper.styleOptionTerm(helper.optionTerm(option))));
    }, 0);
  }
  /**
   * Get the longest argument term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestArgumentTermLength(cmd, helper) {
    return helper.visibleArguments(cmd).reduce((max, argument) => {
      return Math.max(max, this.displayWidth(helper.styleArgumentTerm(helper.argumentTerm(argument))));
    }, 0);
  }
  /**
   * Get the command usage to be displayed at the top of the built-in help.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  commandUsage(cmd) {
    let cmdName = cmd._name;
    if (cmd._aliases[0]) {
      cmdName = cmdName + "|" + cmd._aliases[0];
    }
    let ancestorCmdNames = "";
    for (let ancestorCmd = cmd.parent; ancestorCmd; ancestorCmd = ancestorCmd.parent) {
      ancestorCmdNames = ancestorCmd.name() + " " + ancestorCmdNames;
    }
    return ancestorCmdNames + cmdName + " " + cmd.usage();
  }
  /**
   * Get the description for the command.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  commandDescription(cmd) {
    return cmd.description();
  }
  /**
   * Get the subcommand summary to show in the list of subcommands.
   * (Fallback to description for backwards compatibility.)
   *
   * @param {Command} cmd
   * @returns {string}
   */
  subcommandDescription(cmd) {
    return cmd.summary() || cmd.description();
  }
  /**
   * Get the option description to show in the list of options.
   *
   * @param {Option} option
   * @return {string}
   */
  optionDescription(option) {
    const extraInfo = [];
    if (option.argChoices) {
      extraInfo.push(
        // use stringify to match the display of the default value
        `choices: ${option.argChoices.map((choice) => JSON.stringify(choice)).join(", ")}`
      );
    }
    if (option.defaultValue !== void 0) {
      const showDefault = option.required || option.optional || option.isBoolean() && typeof option.defaultValue === "boolean";
      if (showDefault) {
        extraInfo.push(`default: ${option.defaultValueDescription || JSON.stringify(option.defaultValue)}`);
      }
    }
    if (option.presetArg !== void 0 && option.optional) {
      extraInfo.push(`preset: ${JSON.stringify(option.presetArg)}`);
    }
    if (option.envVar !== void 0) {
      extraInfo.push(`env: ${option.envVar}`);
    }
    if (extraInfo.length > 0) {
      const extraDescription = `(${extraInfo.join(", ")})`;
      if (option.description) {
        return `${option.description} ${extraDescription}`;
      }
      return extraDescription;
    }
    return option.description;
  }
  /**
   * Get the argument description to show in the list of arguments.
   *
   * @param {Argument} argument
   * @return {string}
   */
  argumentDescription(argument) {
    const extraInfo = [];
    if (argument.argChoices) {
      extraInfo.push(
        // use stringify to match the display of the default value
        `choices: ${argument.argChoices.map((choice) => JSON.stringify(choice)).join(", ")}`
      );
    }
    if (argument.defaultValue !== void 0) {
      extraInfo.push(`default: ${argument.defaultValueDescription || JSON.stringify(argument.defaultValue)}`);
    }
    if (extraInfo.length > 0) {
      const extraDescription = `(${extraInfo.join(", ")})`;
      if (argument.description) {
        return `${argument.description} ${extraDescription}`;
      }
      return extraDescription;
    }
    return argument.description;
  }
  /**
   * Format a list of items, given a heading and an array of formatted items.
   *
   * @param {string} heading
   * @param {string[]} items
   * @param {Help} helper
   * @returns string[]
   */
  formatItemList(heading, items, helper) {
    if (items.length === 0) return [];
    return [
      helper.styleTitle(heading),
      ...items,
      ""
    ];
  }
  /**
   * Group items by their help group heading.
   *
   * @param {Command[] | Option[]} unsortedItems
   * @param {Command[] | Option[]} visibleItems
   * @param {Function} getGroup
   * @returns {Map<string, Command[] | Option[]>}
   */
  groupItems(unsortedItems, visibleItems, getGroup) {
    const result = /* @__PURE__ */ new Map();
    unsortedItems.forEach((item) => {
      const group = getGroup(item);
      if (!result.has(group)) result.set(group, []);
    });
    visibleItems.forEach((item) => {
      const group = getGroup(item);
      if (!result.has(group)) {
        result.set(group, []);
      }
      result.get(group).push(item);
    });
    return result;
  }
  /**
   * Generate the built-in help text.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {string}
   */
  formatHelp(cmd, helper) {
    const termWidth = helper.padWidth(cmd, helper);
    const helpWidth = helper.helpWidth ?? 80;
    function callFormatItem(term, description) {
      return helper.formatItem(term, termWidth, description, helper);
    }
    let output = [
      `${helper.styleTitle("Usage:")} ${helper.styleUsage(helper.commandUsage(cmd))}`,
      ""
    ];
    const commandDescription = helper.commandDescription(cmd);
    if (commandDescription.length > 0) {
      output = output.concat([
        helper.boxWrap(helper.styleCommandDescription(commandDescription), helpWidth),
        ""
      ]);
    }
    const argumentList = helper.visibleArguments(cmd).map((argument) => {
      return callFormatItem(helper.styleArgumentTerm(helper.argumentTerm(argument)), helper.styleArgumentDescription(helper.argumentDescription(argument)));
    });
    output = output.concat(this.formatItemList("Arguments:", argumentList, helper));
    const optionGroups = this.groupItems(cmd.options, helper.visibleOptions(cmd), (option) => option.helpGroupHeading ?? "Options:");
    optionGroups.forEach((options, group) => {
      const optionList = options.map((option) => {
        return callFormatItem(helper.styleOptionTerm(helper.optionTerm(option)), helper.styleOptionDescription(helper.optionDescription(option)));
      });
      output = output.concat(this.formatItemList(group, optionList, helper));
    });
    if (helper.showGlobalOptions) {
      const globalOptionList = helper.visibleGlobalOptions(cmd).map((option) => {
        return callFormatItem(helper.styleOptionTerm(helper.optionTerm(option)), helper.styleOptionDescription(helper.optionDescription(option)));
      });
      output = output.concat(this.formatItemList("Global Options:", globalOptionList, helper));
    }
    const commandGroups = this.groupItems(cmd.commands, helper.visibleCommands(cmd), (sub) => sub.helpGroup() || "Commands:");
    commandGroups.forEach((commands, group) => {
      const commandList = commands.map((sub) => {
        return callFormatItem(helper.styleSubcommandTerm(helper.subcommandTerm(sub)), helper.styleSubcommandDescription(helper.subcommandDescription(sub)));
      });
      output = output.concat(this.formatItemList(group, commandList, helper));
    });
    return output.join("\n");
  }
  /**
   * Return display width of string, ignoring ANSI escape sequences. Used in padding and wrapping calculations.
   *
   * @param {string} str
   * @returns {number}
   */
  displayWidth(str) {
    return stripVTControlCharacters(str).length;
  }
  /**
   * Style the title for displaying in the help. Called with 'Usage:', 'Options:', etc.
   *
   * @param {string} str
   * @returns {string}
   */
  styleTitle(str) {
    return str;
  }
  styleUsage(str) {
    return str.split(" ").map((word2) => {
      if (word2 === "[options]") return this.styleOptionText(word2);
      if (word2 === "[command]") return this.styleSubcommandText(word2);
      if (word2[0] === "[" || word2[0] === "<") return this.styleArgumentText(word2);
      return this.styleCommandText(word2);
    }).join(" ");
  }
  styleCommandDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleOptionDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleSubcommandDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleArgumentDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleDescriptionText(str) {
    return str;
  }
  styleOptionTerm(str) {
    return this.styleOptionText(str);
  }
  styleSubcommandTerm(str) {
    return str.split(" ").map((word2) => {
      if (word2 === "[options]") return this.styleOptionText(word2);
      if (word2[0] === "[" || word2[0] === "<") return this.styleArgumentText(word2);
      return this.styleSubcommandText(word2);
    }).join(" ");
  }
  styleArgumentTerm(str) {
    return this.styleArgumentText(str);
  }
  styleOptionText(str) {
    return str;
  }
  styleArgumentText(str) {
    return str;
  }
  styleSubcommandText(str) {
    return str;
  }
  styleCommandText(str) {
    return str;
  }
  /**
   * Calculate the pad width from the maximum term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  padWidth(cmd, helper) {
    return Math.max(helper.longestOptionTermLength(cmd, helper), helper.longestGlobalOptionTermLength(cmd, helper), helper.longestSubcommandTermLength(cmd, helper), helper.longestArgumentTermLength(cmd, helper));
  }
  /**
   * Detect manually wrapped and indented strings by checking for line break followed by whitespace.
   *
   * @param {string} str
   * @returns {boolean}
   */
  preformatted(str) {
    return /\n[^\S\r\n]/.test(str);
  }
  /**
   * Format the "item", which consists of a term and description. Pad the term and wrap the description, indenting the following lines.
   *
   * So "TTT", 5, "DDD DDDD DD DDD" might be formatted for this.helpWidth=17 like so:
   *   TTT  DDD DDDD
   *        DD DDD
   *
   * @param {string} term
   * @param {number} termWidth
   * @param {string} description
   * @param {Help} helper
   * @returns {string}
   */
  formatItem(term, termWidth, description, helper) {
    const itemIndent = 2;
    const itemIndentStr = " ".repeat(itemIndent);
    if (!description) return itemIndentStr + term;
    const paddedTerm = term.padEnd(termWidth + term.length - helper.displayWidth(term));
    const spacerWidth = 2;
    const helpWidth = this.helpWidth ?? 80;
    const remainingWidth = helpWidth - termWidth - spacerWidth - itemIndent;
    let formattedDescription;
    if (remainingWidth < this.minWidthToWrap || helper.preformatted(description)) {
      formattedDescription = description;
    } else {
      const wrappedDescription = helper.boxWrap(description, remainingWidth);
      formattedDescription = wrappedDescription.replace(/\n/g, "\n" + " ".repeat(termWidth + spacerWidth));
    }
    return itemIndentStr + paddedTerm + " ".repeat(spacerWidth) + formattedDescription.replace(/\n/g, `
${itemIndentStr}`);
  }
  /**
   * Wrap a string at whitespace, preserving existing line breaks.
   * Wrapping is skipped if the width is less than `minWidthToWrap`.
   *
   * @param {string} str
   * @param {number} width
   * @returns {string}
   */
  boxWrap(str, width) {
    if (width < this.minWidthToWrap) return str;
    const rawLines = str.split(/\r\n|\n/);
    const chunkPattern = /[\s]*[^\s]+/g;
    const wrappedLines = [];
    rawLines.forEach((line) => {
      const chunks = line.match(chunkPattern);
      if (chunks === null) {
        wrappedLines.push("");
        return;
      }
      let sumChunks = [
        chunks.shift()
      ];
      let sumWidth = this.displayWidth(sumChunks[0]);
      chunks.forEach((chunk) => {
        const visibleWidth = this.displayWidth(chunk);
        if (sumWidth + visibleWidth <= width) {
          sumChunks.push(chunk);
          sumWidth += visibleWidth;
          return;
        }
        wrappedLines.push(sumChunks.join(""));
        const nextChunk = chunk.trimStart();
        sumChunks = [
          nextChunk
        ];
        sumWidth = this.displayWidth(nextChunk);
      });
      wrappedLines.push(sumChunks.join(""));
    });
    return wrappedLines.join("\n");
  }
};

// npm:commander/15.1.0/lib/option.js
var Option = class {
  /**
   * Initialize a new `Option` with the given `flags` and `description`.
   *
   * @param {string} flags
   * @param {string} [description]
   */
  constructor(flags, description) {
    this.flags = flags;
    this.description = description || "";
    this.required = flags.includes("<");
    this.optional = flags.includes("[");
    this.variadic = /\p{ID_Continue}\.\.\.[>\]]$/u.test(flags);
    this.mandatory = false;
    const optionFlags = splitOptionFlags(flags);
    this.short = optionFlags.shortFlag;
    this.long = optionFlags.longFlag;
    this.negate = false;
    if (this.long) {
      this.negate = this.long.startsWith("--no-");
    }
    this.defaultValue = void 0;
    this.defaultValueDescription = void 0;
    this.presetArg = void 0;
    this.envVar = void 0;
    this.parseArg = void 0;
    this.hidden = false;
    this.argChoices = void 0;
    this.conflictsWith = [];
    this.implied = void 0;
    this.helpGroupHeading = void 0;
  }
  /**
   * Set the default value, and optionally supply the description to be displayed in the help.
   *
   * @param {*} value
   * @param {string} [description]
   * @return {Option}
   */
  default(value, description) {
    this.defaultValue = value;
    this.defaultValueDescription = description;
    return this;
  }
  /**
   * Preset to use when option used without option-argument, especially optional but also boolean and negated.
   * The custom processing (parseArg) is called.
   *
   * @example
   * new Option('--color').default('GREYSCALE').preset('RGB');
   * new Option('--donate [amount]').preset('20').argParser(parseFloat);
   *
   * @param {*} arg
   * @return {Option}
   */
  preset(arg) {
    this.presetArg = arg;
    return this;
  }
  /**
   * Add option name(s) that conflict with this option.
   * An error will be displayed if conflicting options are found during parsing.
   *
   * @example
   * new Option('--rgb').conflicts('cmyk');
   * new Option('--js').conflicts(['ts', 'jsx']);
   *
   * @param {(string | string[])} names
   * @return {Option}
   */
  conflicts(names) {
    this.conflictsWith = this.conflictsWith.concat(names);
    return this;
  }
  /**
   * Specify implied option values for when this option is set and the implied options are not.
   *
   * The custom processing (parseArg) is not called on the implied values.
   *
   * @example
   * program
   *   .addOption(new Option('--log', 'write logging information to file'))
   *   .addOption(new Option('--trace', 'log extra details').implies({ log: 'trace.txt' }));
   *
   * @param {object} impliedOptionValues
   * @return {Option}
   */
  implies(impliedOptionValues) {
    let newImplied = impliedOptionValues;
    if (typeof impliedOptionValues === "string") {
      newImplied = {
        [impliedOptionValues]: true
      };
    }
    this.implied = Object.assign(this.implied || {}, newImplied);
    return this;
  }
  /**
   * Set environment variable to check for option value.
   *
   * An environment variable is only used if when processed the current option value is
   * undefined, or the source of the current value is 'default' or 'config' or 'env'.
   *
   * @param {string} name
   * @return {Option}
   */
  env(name) {
    this.envVar = name;
    return this;
  }
  /**
   * Set the custom handler for processing CLI option arguments into option values.
   *
   * @param {Function} [fn]
   * @return {Option}
   */
  argParser(fn) {
    this.parseArg = fn;
    return this;
  }
  /**
   * Whether the option is mandatory and must have a value after parsing.
   *
   * @param {boolean} [mandatory=true]
   * @return {Option}
   */
  makeOptionMandatory(mandatory = true) {
    this.mandatory = !!mandatory;
    return this;
  }
  /**
   * Hide option in help.
   *
   * @param {boolean} [hide=true]
   * @return {Option}
   */
  hideHelp(hide = true) {
    this.hidden = !!hide;
    return this;
  }
  /**
   * @package
   */
  _collectValue(value, previous) {
    if (previous === this.defaultValue || !Array.isArray(previous)) {
      return [
        value
      ];
    }
    previous.push(value);
    return previous;
  }
  /**
   * Only allow option value to be one of choices.
   *
   * @param {string[]} values
   * @return {Option}
   */
  choices(values) {
    this.argChoices = values.slice();
    this.parseArg = (arg, previous) => {
      if (!this.argChoices.includes(arg)) {
        throw new InvalidArgumentError(`Allowed choices are ${this.argChoices.join(", ")}.`);
      }
      if (this.variadic) {
        return this._collectValue(arg, previous);
      }
      return arg;
    };
    return this;
  }
  /**
   * Return option name.
   *
   * @return {string}
   */
  name() {
    if (this.long) {
      return this.long.replace(/^--/, "");
    }
    return this.short.replace(/^-/, "");
  }
  /**
   * Return option name, in a camelcase format that can be used
   * as an object attribute key.
   *
   * @return {string}
   */
  attributeName() {
    if (this.negate) {
      return camelcase(this.name().replace(/^no-/, ""));
    }
    return camelcase(this.name());
  }
  /**
   * Set the help group heading.
   *
   * @param {string} heading
   * @return {Option}
   */
  helpGroup(heading) {
    this.helpGroupHeading = heading;
    return this;
  }
  /**
   * Check if `arg` matches the short or long flag.
   *
   * @param {string} arg
   * @return {boolean}
   * @package
   */
  is(arg) {
    return this.short === arg || this.long === arg;
  }
  /**
   * Return whether a boolean option.
   *
   * Options are one of boolean, negated, required argument, or optional argument.
   *
   * @return {boolean}
   * @package
   */
  isBoolean() {
    return !this.required && !this.optional && !this.negate;
  }
};
var DualOptions = class {
  /**
   * @param {Option[]} options
   */
  constructor(options) {
    this.positiveOptions = /* @__PURE__ */ new Map();
    this.negativeOptions = /* @__PURE__ */ new Map();
    this.dualOptions = /* @__PURE__ */ new Set();
    options.forEach((option) => {
      if (option.negate) {
        this.negativeOptions.set(option.attributeName(), option);
      } else {
        this.positiveOptions.set(option.attributeName(), option);
      }
    });
    this.negativeOptions.forEach((value, key) => {
      if (this.positiveOptions.has(key)) {
        this.dualOptions.add(key);
      }
    });
  }
  /**
   * Did the value come from the option, and not from possible matching dual option?
   *
   * @param {*} value
   * @param {Option} option
   * @returns {boolean}
   */
  valueFromOption(value, option) {
    const optionKey = option.attributeName();
    if (!this.dualOptions.has(optionKey)) return true;
    const preset = this.negativeOptions.get(optionKey).presetArg;
    const negativeValue = preset !== void 0 ? preset : false;
    return option.negate === (negativeValue === value);
  }
};
function camelcase(str) {
  return str.split("-").reduce((str2, word2) => {
    return str2 + word2[0].toUpperCase() + word2.slice(1);
  });
}
function splitOptionFlags(flags) {
  let shortFlag;
  let longFlag;
  const shortFlagExp = /^-[^-]$/;
  const longFlagExp = /^--[^-]/;
  const flagParts = flags.split(/[ |,]+/).concat("guard");
  if (shortFlagExp.test(flagParts[0])) shortFlag = flagParts.shift();
  if (longFlagExp.test(flagParts[0])) longFlag = flagParts.shift();
  if (!shortFlag && shortFlagExp.test(flagParts[0])) shortFlag = flagParts.shift();
  if (!shortFlag && longFlagExp.test(flagParts[0])) {
    shortFlag = longFlag;
    longFlag = flagParts.shift();
  }
  if (flagParts[0].startsWith("-")) {
    const unsupportedFlag = flagParts[0];
    const baseError = `option creation failed due to '${unsupportedFlag}' in option flags '${flags}'`;
    if (/^-[^-][^-]/.test(unsupportedFlag)) throw new Error(`${baseError}
- a short flag is a single dash and a single character
  - either use a single dash and a single character (for a short flag)
  - or use a double dash for a long option (and can have two, like '--ws, --workspace')`);
    if (shortFlagExp.test(unsupportedFlag)) throw new Error(`${baseError}
- too many short flags`);
    if (longFlagExp.test(unsupportedFlag)) throw new Error(`${baseError}
- too many long flags`);
    throw new Error(`${baseError}
- unrecognised flag format`);
  }
  if (shortFlag === void 0 && longFlag === void 0) throw new Error(`option creation failed due to no flags found in '${flags}'.`);
  return {
    shortFlag,
    longFlag
  };
}

// npm:commander/15.1.0/lib/suggestSimilar.js
var maxDistance = 3;
function editDistance(a, b) {
  if (Math.abs(a.length - b.length) > maxDistance) return Math.max(a.length, b.length);
  const d = [];
  for (let i = 0; i <= a.length; i++) {
    d[i] = [
      i
    ];
  }
  for (let j = 0; j <= b.length; j++) {
    d[0][j] = j;
  }
  for (let j = 1; j <= b.length; j++) {
    for (let i = 1; i <= a.length; i++) {
      let cost;
      if (a[i - 1] === b[j - 1]) {
        cost = 0;
      } else {
        cost = 1;
      }
      d[i][j] = Math.min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.length][b.length];
}
function suggestSimilar(word2, candidates) {
  if (!candidates || candidates.length === 0) return "";
  candidates = Array.from(new Set(candidates));
  const searchingOptions = word2.startsWith("--");
  if (searchingOptions) {
    word2 = word2.slice(2);
    candidates = candidates.map((candidate) => candidate.slice(2));
  }
  let similar = [];
  let bestDistance = maxDistance;
  const minSimilarity = 0.4;
  candidates.forEach((candidate) => {
    if (candidate.length <= 1) return;
    const distance = editDistance(word2, candidate);
    const length = Math.max(word2.length, candidate.length);
    const similarity = (length - distance) / length;
    if (similarity > minSimilarity) {
      if (distance < bestDistance) {
        bestDistance = distance;
        similar = [
          candidate
        ];
      } else if (distance === bestDistance) {
        similar.push(candidate);
      }
    }
  });
  similar.sort((a, b) => a.localeCompare(b));
  if (searchingOptions) {
    similar = similar.map((candidate) => `--${candidate}`);
  }
  if (similar.length > 1) {
    return `
(Did you mean one of ${similar.join(", ")}?)`;
  }
  if (similar.length === 1) {
    return `
(Did you mean ${similar[0]}?)`;
  }
  return "";
}

// npm:commander/15.1.0/lib/command.js
var Command = class _Command extends EventEmitter {
  /**
   * Initialize a new `Command`.
   *
   * @param {string} [name]
   */
  constructor(name) {
    super();
    this.commands = [];
    this.options = [];
    this.parent = null;
    this._allowUnknownOption = false;
    this._allowExcessArguments = false;
    this.registeredArguments = [];
    this._args = this.registeredArguments;
    this.args = [];
    this.rawArgs = [];
    this.processedArgs = [];
    this._scriptPath = null;
    this._name = name || "";
    this._optionValues = {};
    this._optionValueSources = {};
    this._storeOptionsAsProperties = false;
    this._actionHandler = null;
    this._executableHandler = false;
    this._executableFile = null;
    this._executableDir = null;
    this._defaultCommandName = null;
    this._exitCallback = null;
    this._aliases = [];
    this._combineFlagAndOptionalValue = true;
    this._description = "";
    this._summary = "";
    this._argsDescription = void 0;
    this._enablePositionalOptions = false;
    this._passThroughOptions = false;
    this._lifeCycleHooks = {};
    this._showHelpAfterError = false;
    this._showSuggestionAfterError = true;
    this._savedState = null;
    this._outputConfiguration = {
      writeOut: (str) => process.stdout.write(str),
      writeErr: (str) => process.stderr.write(str),
      outputError: (str, write) => write(str),
      getOutHelpWidth: () => process.stdout.isTTY ? process.stdout.columns : void 0,
      getErrHelpWidth: () => process.stderr.isTTY ? process.stderr.columns : void 0,
      getOutHasColors: () => useColor() ?? (process.stdout.isTTY && process.stdout.hasColors?.()),
      getErrHasColors: () => useColor() ?? (process.stderr.isTTY && process.stderr.hasColors?.()),
      stripColor: (str) => stripVTControlCharacters2(str)
    };
    this._hidden = false;
    this._helpOption = void 0;
    this._addImplicitHelpCommand = void 0;
    this._helpCommand = void 0;
    this._helpConfiguration = {};
    this._helpGroupHeading = void 0;
    this._defaultCommandGroup = void 0;
    this._defaultOptionGroup = void 0;
  }
  /**
   * Copy settings that are useful to have in common across root command and subcommands.
   *
   * (Used internally when adding a command using `.command()` so subcommands inherit parent settings.)
   *
   * @param {Command} sourceCommand
   * @return {Command} `this` command for chaining
   */
  copyInheritedSettings(sourceCommand) {
    this._outputConfiguration = sourceCommand._outputConfiguration;
    this._helpOption = sourceCommand._helpOption;
    this._helpCommand = sourceCommand._helpCommand;
    this._helpConfiguration = sourceCommand._helpConfiguration;
    this._exitCallback = sourceCommand._exitCallback;
    this._storeOptionsAsProperties = sourceCommand._storeOptionsAsProperties;
    this._combineFlagAndOptionalValue = sourceCommand._combineFlagAndOptionalValue;
    this._allowExcessArguments = sourceCommand._allowExcessArguments;
    this._enablePositionalOptions = sourceCommand._enablePositionalOptions;
    this._showHelpAfterError = sourceCommand._showHelpAfterError;
    this._showSuggestionAfterError = sourceCommand._showSuggestionAfterError;
    return this;
  }
  /**
   * @returns {Command[]}
   * @private
   */
  _getCommandAndAncestors() {
    const result = [];
    for (let command = this; command; command = command.parent) {
      result.push(command);
    }
    return result;
  }
  /**
   * Define a command.
   *
   * There are two styles of command: pay attention to where to put the description.
   *
   * @example
   * // Command implemented using action handler (description is supplied separately to `.command`)
   * program
   *   .command('clone <source> [destination]')
   *   .description('clone a repository into a newly created directory')
   *   .action((source, destination) => {
   *     console.log('clone command called');
   *   });
   *
   * // Command implemented using separate executable file (description is second parameter to `.command`)
   * program
   *   .command('start <service>', 'start named service')
   *   .command('stop [service]', 'stop named service, or all if no name supplied');
   *
   * @param {string} nameAndArgs - command name and arguments, args are `<required>` or `[optional]` and last may also be `variadic...`
   * @param {(object | string)} [actionOptsOrExecDesc] - configuration options (for action), or description (for executable)
   * @param {object} [execOpts] - configuration options (for executable)
   * @return {Command} returns new command for action handler, or `this` for executable command
   */
  command(nameAndArgs, actionOptsOrExecDesc, execOpts) {
    let desc = actionOptsOrExecDesc;
    let opts = execOpts;
    if (typeof desc === "object" && desc !== null) {
      opts = desc;
      desc = null;
    }
    opts = opts || {};
    const [, name, args] = nameAndArgs.match(/([^ ]+) *(.*)/);
    const cmd = this.createCommand(name);
    if (desc) {
      cmd.description(desc);
      cmd._executableHandler = true;
    }
    if (opts.isDefault) this._defaultCommandName = cmd._name;
    cmd._hidden = !!(opts.noHelp || opts.hidden);
    cmd._executableFile = opts.executableFile || null;
    if (args) cmd.arguments(args);
    this._registerCommand(cmd);
    cmd.parent = this;
    cmd.copyInheritedSettings(this);
    if (desc) return this;
    return cmd;
  }
  /**
   * Factory routine to create a new unattached command.
   *
   * See .command() for creating an attached subcommand, which uses this routine to
   * create the command. You can override createCommand to customise subcommands.
   *
   * @param {string} [name]
   * @return {Command} new command
   */
  createCommand(name) {
    return new _Command(name);
  }
  /**
   * You can customise the help with a subclass of Help by overriding createHelp,
   * or by overriding Help properties using configureHelp().
   *
   * @return {Help}
   */
  createHelp() {
    return Object.assign(new Help(), this.configureHelp());
  }
  /**
   * You can customise the help by overriding Help properties using configureHelp(),
   * or with a subclass of Help by overriding createHelp().
   *
   * @param {object} [configuration] - configuration options
   * @return {(Command | object)} `this` command for chaining, or stored configuration
   */
  configureHelp(configuration) {
    if (configuration === void 0) return this._helpConfiguration;
    this._helpConfiguration = configuration;
    return this;
  }
  /**
   * The default output goes to stdout and stderr. You can customise this for special
   * applications. You can also customise the display of errors by overriding outputError.
   *
   * The configuration properties are all functions:
   *
   *     // change how output being written, defaults to stdout and stderr
   *     writeOut(str)
   *     writeErr(str)
   *     // change how output being written for errors, defaults to writeErr
   *     outputError(str, write) // used for displaying errors and not used for displaying help
   *     // specify width for wrapping help
   *     getOutHelpWidth()
   *     getErrHelpWidth()
   *     // color support, currently only used with Help
   *     getOutHasColors()
   *     getErrHasColors()
   *     stripColor() // used to remove ANSI escape codes if output does not have colors
   *
   * @param {object} [configuration] - configuration options
   * @return {(Command | object)} `this` command for chaining, or stored configuration
   */
  configureOutput(configuration) {
    if (configuration === void 0) return this._outputConfiguration;
    this._outputConfiguration = {
      ...this._outputConfiguration,
      ...configuration
    };
    return this;
  }
  /**
   * Display the help or a custom message after an error occurs.
   *
   * @param {(boolean|string)} [displayHelp]
   * @return {Command} `this` command for chaining
   */
  showHelpAfterError(displayHelp = true) {
    if (typeof displayHelp !== "string") displayHelp = !!displayHelp;
    this._showHelpAfterError = displayHelp;
    return this;
  }
  /**
   * Display suggestion of similar commands for unknown commands, or options for unknown options.
   *
   * @param {boolean} [displaySuggestion]
   * @return {Command} `this` command for chaining
   */
  showSuggestionAfterError(displaySuggestion = true) {
    this._showSuggestionAfterError = !!displaySuggestion;
    return this;
  }
  /**
   * Add a prepared subcommand.
   *
   * See .command() for creating an attached subcommand which inherits settings from its parent.
   *
   * @param {Command} cmd - new subcommand
   * @param {object} [opts] - configuration options
   * @return {Command} `this` command for chaining
   */
  addCommand(cmd, opts) {
    if (!cmd._name) {
      throw new Error(`Command passed to .addCommand() must have a name
- specify the name in Command constructor or using .name()`);
    }
    opts = opts || {};
    if (opts.isDefault) this._defaultCommandName = cmd._name;
    if (opts.noHelp || opts.hidden) cmd._hidden = true;
    this._registerCommand(cmd);
    cmd.parent = this;
    cmd._checkForBrokenPassThrough();
    return this;
  }
  /**
   * Factory routine to create a new unattached argument.
   *
   * See .argument() for creating an attached argument, which uses this routine to
   * create the argument. You can override createArgument to return a custom argument.
   *
   * @param {string} name
   * @param {string} [description]
   * @return {Argument} new argument
   */
  createArgument(name, description) {
    return new Argument(name, description);
  }
  /**
   * Define argument syntax for command.
   *
   * The default is that the argument is required, and you can explicitly
   * indicate this with <> around the name. Put [] around the name for an optional argument.
   *
   * @example
   * program.argument('<input-file>');
   * program.argument('[output-file]');
   *
   * @param {string} name
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom argument processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  argument(name, description, parseArg, defaultValue) {
    const argument = this.createArgument(name, description);
    if (typeof parseArg === "function") {
      argument.default(defaultValue).argParser(parseArg);
    } else {
      argument.default(parseArg);
    }
    this.addArgument(argument);
    return this;
  }
  /**
   * Define argument syntax for command, adding multiple at once (without descriptions).
   *
   * See also .argument().
   *
   * @example
   * program.arguments('<cmd> [env]');
   *
   * @param {string} names
   * @return {Command} `this` command for chaining
   */
  arguments(names) {
    names.trim().split(/ +/).forEach((detail) => {
      this.argument(detail);
    });
    return this;
  }
  /**
   * Define argument syntax for command, adding a prepared argument.
   *
   * @param {Argument} argument
   * @return {Command} `this` command for chaining
   */
  addArgument(argument) {
    const previousArgument = this.registeredArguments.slice(-1)[0];
    if (previousArgument?.variadic) {
      throw new Error(`only the last argument can be variadic '${previousArgument.name()}'`);
    }
    if (argument.required && argument.defaultValue !== void 0 && argument.parseArg === void 0) {
      throw new Error(`a default value for a required argument is never used: '${argument.name()}'`);
    }
    this.registeredArguments.push(argument);
    return this;
  }
  /**
   * Customise or override default help command. By default a help command is automatically added if your command has subcommands.
   *
   * @example
   *    program.helpCommand('help [cmd]');
   *    program.helpCommand('help [cmd]', 'show help');
   *    program.helpCommand(false); // suppress default help command
   *    program.helpCommand(true); // add help command even if no subcommands
   *
   * @param {string|boolean} enableOrNameAndArgs - enable with custom name and/or arguments, or boolean to override whether added
   * @param {string} [description] - custom description
   * @return {Command} `this` command for chaining
   */
  helpCommand(enableOrNameAndArgs, description) {
    if (typeof enableOrNameAndArgs === "boolean") {
      this._addImplicitHelpCommand = enableOrNameAndArgs;
      if (enableOrNameAndArgs && this._defaultCommandGroup) {
        this._initCommandGroup(this._getHelpCommand());
      }
      return this;
    }
    const nameAndArgs = enableOrNameAndArgs ?? "help [command]";
    const [, helpName, helpArgs] = nameAndArgs.match(/([^ ]+) *(.*)/);
    const helpDescription = description ?? "display help for command";
    const helpCommand = this.createCommand(helpName);
    helpCommand.helpOption(false);
    if (helpArgs) helpCommand.arguments(helpArgs);
    if (helpDescription) helpCommand.description(helpDescription);
    this._addImplicitHelpCommand = true;
    this._helpCommand = helpCommand;
    if (enableOrNameAndArgs || description) this._initCommandGroup(helpCommand);
    return this;
  }
  /**
   * Add prepared custom help command.
   *
   * @param {(Command|string|boolean)} helpCommand - custom help command, or deprecated enableOrNameAndArgs as for `.helpCommand()`
   * @param {string} [deprecatedDescription] - deprecated custom description used with custom name only
   * @return {Command} `this` command for chaining
   */
  addHelpCommand(helpCommand, deprecatedDescription) {
    if (typeof helpCommand !== "object") {
      this.helpCommand(helpCommand, deprecatedDescription);
      return this;
    }
    this._addImplicitHelpCommand = true;
    this._helpCommand = helpCommand;
    this._initCommandGroup(helpCommand);
    return this;
  }
  /**
   * Lazy create help command.
   *
   * @return {(Command|null)}
   * @package
   */
  _getHelpCommand() {
    const hasImplicitHelpCommand = this._addImplicitHelpCommand ?? (this.commands.length && !this._actionHandler && !this._findCommand("help"));
    if (hasImplicitHelpCommand) {
      if (this._helpCommand === void 0) {
        this.helpCommand(void 0, void 0);
      }
      return this._helpCommand;
    }
    return null;
  }
  /**
   * Add hook for life cycle event.
   *
   * @param {string} event
   * @param {Function} listener
   * @return {Command} `this` command for chaining
   */
  hook(event, listener) {
    const allowedValues = [
      "preSubcommand",
      "preAction",
      "postAction"
    ];
    if (!allowedValues.includes(event)) {
      throw new Error(`Unexpected value for event passed to hook : '${event}'.
Expecting one of '${allowedValues.join("', '")}'`);
    }
    if (this._lifeCycleHooks[event]) {
      this._lifeCycleHooks[event].push(listener);
    } else {
      this._lifeCycleHooks[event] = [
        listener
      ];
    }
    return this;
  }
  /**
   * Register callback to use as replacement for calling process.exit.
   *
   * @param {Function} [fn] optional callback which will be passed a CommanderError, defaults to throwing
   * @return {Command} `this` command for chaining
   */
  exitOverride(fn) {
    if (fn) {
      this._exitCallback = fn;
    } else {
      this._exitCallback = (err) => {
        if (err.code !== "commander.executeSubCommandAsync") {
          throw err;
        } else {
        }
      };
    }
    return this;
  }
  /**
   * Call process.exit, and _exitCallback if defined.
   *
   * @param {number} exitCode exit code for using with process.exit
   * @param {string} code an id string representing the error
   * @param {string} message human-readable description of the error
   * @return never
   * @private
   */
  _exit(exitCode, code, message) {
    if (this._exitCallback) {
      this._exitCallback(new CommanderError(exitCode, code, message));
    }
    process.exit(exitCode);
  }
  /**
   * Register callback `fn` for the command.
   *
   * @example
   * program
   *   .command('serve')
   *   .description('start service')
   *   .action(function() {
   *      // do work here
   *   });
   *
   * @param {Function} fn
   * @return {Command} `this` command for chaining
   */
  action(fn) {
    const listener = (args) => {
      const expectedArgsCount = this.registeredArguments.length;
      const actionArgs = args.slice(0, expectedArgsCount);
      if (this._storeOptionsAsProperties) {
        actionArgs[expectedArgsCount] = this;
      } else {
        actionArgs[expectedArgsCount] = this.opts();
      }
      actionArgs.push(this);
      return fn.apply(this, actionArgs);
    };
    this._actionHandler = listener;
    return this;
  }
  /**
   * Factory routine to create a new unattached option.
   *
   * See .option() for creating an attached option, which uses this routine to
   * create the option. You can override createOption to return a custom option.
   *
   * @param {string} flags
   * @param {string} [description]
   * @return {Option} new option
   */
  createOption(flags, description) {
    return new Option(flags, description);
  }
  /**
   * Wrap parseArgs to catch 'commander.invalidArgument'.
   *
   * @param {(Option | Argument)} target
   * @param {string} value
   * @param {*} previous
   * @param {string} invalidArgumentMessage
   * @private
   */
  _callParseArg(target, value, previous, invalidArgumentMessage) {
    try {
      return target.parseArg(value, previous);
    } catch (err) {
      if (err.code === "commander.invalidArgument") {
        const message = `${invalidArgumentMessage} ${err.message}`;
        this.error(message, {
          exitCode: err.exitCode,
          code: err.code
        });
      }
      throw err;
    }
  }
  /**
   * Check for option flag conflicts.
   * Register option if no conflicts found, or throw on conflict.
   *
   * @param {Option} option
   * @private
   */
  _registerOption(option) {
    const matchingOption = option.short && this._findOption(option.short) || option.long && this._findOption(option.long);
    if (matchingOption) {
      const matchingFlag = option.long && this._findOption(option.long) ? option.long : option.short;
      throw new Error(`Cannot add option '${option.flags}'${this._name && ` to command '${this._name}'`} due to conflicting flag '${matchingFlag}'
-  already used by option '${matchingOption.flags}'`);
    }
    this._initOptionGroup(option);
    this.options.push(option);
  }
  /**
   * Check for command name and alias conflicts with existing commands.
   * Register command if no conflicts found, or throw on conflict.
   *
   * @param {Command} command
   * @private
   */
  _registerCommand(command) {
    const knownBy = (cmd) => {
      return [
        cmd.name()
      ].concat(cmd.aliases());
    };
    const alreadyUsed = knownBy(command).find((name) => this._findCommand(name));
    if (alreadyUsed) {
      const existingCmd = knownBy(this._findCommand(alreadyUsed)).join("|");
      const newCmd = knownBy(command).join("|");
      throw new Error(`cannot add command '${newCmd}' as already have command '${existingCmd}'`);
    }
    this._initCommandGroup(command);
    this.commands.push(command);
  }
  /**
   * Add an option.
   *
   * @param {Option} option
   * @return {Command} `this` command for chaining
   */
  addOption(option) {
    this._registerOption(option);
    const oname = option.name();
    const name = option.attributeName();
    if (option.defaultValue !== void 0) {
      this.setOptionValueWithSource(name, option.defaultValue, "default");
    }
    const handleOptionValue = (val, invalidValueMessage, valueSource) => {
      if (val == null && option.presetArg !== void 0) {
        val = option.presetArg;
      }
      const oldValue = this.getOptionValue(name);
      if (val !== null && option.parseArg) {
        val = this._callParseArg(option, val, oldValue, invalidValueMessage);
      } else if (val !== null && option.variadic) {
        val = option._collectValue(val, oldValue);
      }
      if (val == null) {
        if (option.negate) {
          val = false;
        } else if (option.isBoolean() || option.optional) {
          val = true;
        } else {
          val = "";
        }
      }
      this.setOptionValueWithSource(name, val, valueSource);
    };
    this.on("option:" + oname, (val) => {
      const invalidValueMessage = `error: option '${option.flags}' argument '${val}' is invalid.`;
      handleOptionValue(val, invalidValueMessage, "cli");
    });
    if (option.envVar) {
      this.on("optionEnv:" + oname, (val) => {
        const invalidValueMessage = `error: option '${option.flags}' value '${val}' from env '${option.envVar}' is invalid.`;
        handleOptionValue(val, invalidValueMessage, "env");
      });
    }
    return this;
  }
  /**
   * Internal implementation shared by .option() and .requiredOption()
   *
   * @return {Command} `this` command for chaining
   * @private
   */
  _optionEx(config, flags, description, fn, defaultValue) {
    if (typeof flags === "object" && flags instanceof Option) {
      throw new Error("To add an Option object use addOption() instead of option() or requiredOption()");
    }
    const option = this.createOption(flags, description);
    option.makeOptionMandatory(!!config.mandatory);
    if (typeof fn === "function") {
      option.default(defaultValue).argParser(fn);
    } else if (fn instanceof RegExp) {
      const regex = fn;
      fn = (val, def) => {
        const m = regex.exec(val);
        return m ? m[0] : def;
      };
      option.default(defaultValue).argParser(fn);
    } else {
      option.default(fn);
    }
    return this.addOption(option);
  }
  /**
   * Define option with `flags`, `description`, and optional argument parsing function or `defaultValue` or both.
   *
   * The `flags` string contains the short and/or long flags, separated by comma, a pipe or space. A required
   * option-argument is indicated by `<>` and an optional option-argument by `[]`.
   *
   * See the README for more details, and see also addOption() and requiredOption().
   *
   * @example
   * program
   *     .option('-p, --pepper', 'add pepper')
   *     .option('--pt, --pizza-type <TYPE>', 'type of pizza') // required option-argument
   *     .option('-c, --cheese [CHEESE]', 'add extra cheese', 'mozzarella') // optional option-argument with default
   *     .option('-t, --tip <VALUE>', 'add tip to purchase cost', parseFloat) // custom parse function
   *
   * @param {string} flags
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom option processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  option(flags, description, parseArg, defaultValue) {
    return this._optionEx({}, flags, description, parseArg, defaultValue);
  }
  /**
   * Add a required option which must have a value after parsing. This usually means
   * the option must be specified on the command line. (Otherwise the same as .option().)
   *
   * The `flags` string contains the short and/or long flags, separated by comma, a pipe or space.
   *
   * @param {string} flags
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom option processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  requiredOption(flags, description, parseArg, defaultValue) {
    return this._optionEx({
      mandatory: true
    }, flags, description, parseArg, defaultValue);
  }
  /**
   * Alter parsing of short flags with optional values.
   *
   * @example
   * // for `.option('-f,--flag [value]'):
   * program.combineFlagAndOptionalValue(true);  // `-f80` is treated like `--flag=80`, this is the default behaviour
   * program.combineFlagAndOptionalValue(false) // `-fb` is treated like `-f -b`
   *
   * @param {boolean} [combine] - if `true` or omitted, an optional value can be specified directly after the flag.
   * @return {Command} `this` command for chaining
   */
  combineFlagAndOptionalValue(combine = true) {
    this._combineFlagAndOptionalValue = !!combine;
    return this;
  }
  /**
   * Allow unknown options on the command line.
   *
   * @param {boolean} [allowUnknown] - if `true` or omitted, no error will be thrown for unknown options.
   * @return {Command} `this` command for chaining
   */
  allowUnknownOption(allowUnknown = true) {
    this._allowUnknownOption = !!allowUnknown;
    return this;
  }
  /**
   * Allow excess command-arguments on the command line. Pass false to make excess arguments an error.
   *
   * @param {boolean} [allowExcess] - if `true` or omitted, no error will be thrown for excess arguments.
   * @return {Command} `this` command for chaining
   */
  allowExcessArguments(allowExcess = true) {
    this._allowExcessArguments = !!allowExcess;
    return this;
  }
  /**
   * Enable positional options. Positional means global options are specified before subcommands which lets
   * subcommands reuse the same option names, and also enables subcommands to turn on passThroughOptions.
   * The default behaviour is non-positional and global options may appear anywhere on the command line.
   *
   * @param {boolean} [positional]
   * @return {Command} `this` command for chaining
   */
  enablePositionalOptions(positional = true) {
    this._enablePositionalOptions = !!positional;
    return this;
  }
  /**
   * Pass through options that come after command-arguments rather than treat them as command-options,
   * so actual command-options come before command-arguments. Turning this on for a subcommand requires
   * positional options to have been enabled on the program (parent commands).
   * The default behaviour is non-positional and options may appear before or after command-arguments.
   *
   * @param {boolean} [passThrough] for unknown options.
   * @return {Command} `this` command for chaining
   */
  passThroughOptions(passThrough = true) {
    this._passThroughOptions = !!passThrough;
    this._checkForBrokenPassThrough();
    return this;
  }
  /**
   * @private
   */
  _checkForBrokenPassThrough() {
    if (this.parent && this._passThroughOptions && !this.parent._enablePositionalOptions) {
      throw new Error(`passThroughOptions cannot be used for '${this._name}' without turning on enablePositionalOptions for parent command(s)`);
    }
  }
  /**
   * Whether to store option values as properties on command object,
   * or store separately (specify false). In both cases the option values can be accessed using .opts().
   *
   * @param {boolean} [storeAsProperties=true]
   * @return {Command} `this` command for chaining
   */
  storeOptionsAsProperties(storeAsProperties = true) {
    if (this.options.length) {
      throw new Error("call .storeOptionsAsProperties() before adding options");
    }
    if (Object.keys(this._optionValues).length) {
      throw new Error("call .storeOptionsAsProperties() before setting option values");
    }
    this._storeOptionsAsProperties = !!storeAsProperties;
    return this;
  }
  /**
   * Retrieve option value.
   *
   * @param {string} key
   * @return {object} value
   */
  getOptionValue(key) {
    if (this._storeOptionsAsProperties) {
      return this[key];
    }
    return this._optionValues[key];
  }
  /**
   * Store option value.
   *
   * @param {string} key
   * @param {object} value
   * @return {Command} `this` command for chaining
   */
  setOptionValue(key, value) {
    return this.setOptionValueWithSource(key, value, void 0);
  }
  /**
   * Store option value and where the value came from.
   *
   * @param {string} key
   * @param {object} value
   * @param {string} source - expected values are default/config/env/cli/implied
   * @return {Command} `this` command for chaining
   */
  setOptionValueWithSource(key, value, source) {
    if (this._storeOptionsAsProperties) {
      this[key] = value;
    } else {
      this._optionValues[key] = value;
    }
    this._optionValueSources[key] = source;
    return this;
  }
  /**
   * Get source of option value.
   * Expected values are default | config | env | cli | implied
   *
   * @param {string} key
   * @return {string}
   */
  getOptionValueSource(key) {
    return this._optionValueSources[key];
  }
  /**
   * Get source of option value. See also .optsWithGlobals().
   * Expected values are default | config | env | cli | implied
   *
   * @param {string} key
   * @return {string}
   */
  getOptionValueSourceWithGlobals(key) {
    let source;
    this._getCommandAndAncestors().forEach((cmd) => {
      if (Object.hasOwn(cmd._optionValueSources, key)) {
        source = cmd.getOptionValueSource(key);
      }
    });
    return source;
  }
  /**
   * Get user arguments from implied or explicit arguments.
   * Side-effects: set _scriptPath if args included script. Used for default program name, and subcommand searches.
   *
   * @private
   */
  _prepareUserArgs(argv, parseOptions) {
    if (argv !== void 0 && !Array.isArray(argv)) {
      throw new Error("first parameter to parse must be array or undefined");
    }
    parseOptions = parseOptions || {};
    if (argv === void 0 && parseOptions.from === void 0) {
      if (process.versions?.electron) {
        parseOptions.from = "electron";
      }
      const execArgv = process.execArgv ?? [];
      if (execArgv.includes("-e") || execArgv.includes("--eval") || execArgv.includes("-p") || execArgv.includes("--print")) {
        parseOptions.from = "eval";
      }
    }
    if (argv === void 0) {
      argv = process.argv;
    }
    this.rawArgs = argv.slice();
    let userArgs;
    switch (parseOptions.from) {
      case void 0:
      case "node":
        this._scriptPath = argv[1];
        userArgs = argv.slice(2);
        break;
      case "electron":
        if (process.defaultApp) {
          this._scriptPath = argv[1];
          userArgs = argv.slice(2);
        } else {
          userArgs = argv.slice(1);
        }
        break;
      case "user":
        userArgs = argv.slice(0);
        break;
      case "eval":
        userArgs = argv.slice(1);
        break;
      default:
        throw new Error(`unexpected parse option { from: '${parseOptions.from}' }`);
    }
    if (!this._name && this._scriptPath) this.nameFromFilename(this._scriptPath);
    this._name = this._name || "program";
    return userArgs;
  }
  /**
   * Parse `argv`, setting options and invoking commands when defined.
   *
   * Use parseAsync instead of parse if any of your action handlers are async.
   *
   * Call with no parameters to parse `process.argv`. Detects Electron and special node options like `node --eval`. Easy mode!
   *
   * Or call with an array of strings to parse, and optionally where the user arguments start by specifying where the arguments are `from`:
   * - `'node'`: default, `argv[0]` is the application and `argv[1]` is the script being run, with user arguments after that
   * - `'electron'`: `argv[0]` is the application and `argv[1]` varies depending on whether the electron application is packaged
   * - `'user'`: just user arguments
   *
   * @example
   * program.parse(); // parse process.argv and auto-detect electron and special node flags
   * program.parse(process.argv); // assume argv[0] is app and argv[1] is script
   * program.parse(my-args, { from: 'user' }); // just user supplied arguments, nothing special about argv[0]
   *
   * @param {string[]} [argv] - optional, defaults to process.argv
   * @param {object} [parseOptions] - optionally specify style of options with from: node/user/electron
   * @param {string} [parseOptions.from] - where the args are from: 'node', 'user', 'electron'
   * @return {Command} `this` command for chaining
   */
  parse(argv, parseOptions) {
    this._prepareForParse();
    const userArgs = this._prepareUserArgs(argv, parseOptions);
    this._parseCommand([], userArgs);
    return this;
  }
  /**
   * Parse `argv`, setting options and invoking commands when defined.
   *
   * Call with no parameters to parse `process.argv`. Detects Electron and special node options like `node --eval`. Easy mode!
   *
   * Or call with an array of strings to parse, and optionally where the user arguments start by specifying where the arguments are `from`:
   * - `'node'`: default, `argv[0]` is the application and `argv[1]` is the script being run, with user arguments after that
   * - `'electron'`: `argv[0]` is the application and `argv[1]` varies depending on whether the electron application is packaged
   * - `'user'`: just user arguments
   *
   * @example
   * await program.parseAsync(); // parse process.argv and auto-detect electron and special node flags
   * await program.parseAsync(process.argv); // assume argv[0] is app and argv[1] is script
   * await program.parseAsync(my-args, { from: 'user' }); // just user supplied arguments, nothing special about argv[0]
   *
   * @param {string[]} [argv]
   * @param {object} [parseOptions]
   * @param {string} parseOptions.from - where the args are from: 'node', 'user', 'electron'
   * @return {Promise}
   */
  async parseAsync(argv, parseOptions) {
    this._prepareForParse();
    const userArgs = this._prepareUserArgs(argv, parseOptions);
    await this._parseCommand([], userArgs);
    return this;
  }
  _prepareForParse() {
    if (this._savedState === null) {
      this.options.filter((option) => option.negate && option.defaultValue === void 0 && this.getOptionValue(option.attributeName()) === void 0).forEach((option) => {
        const positiveLongFlag = option.long.replace(/^--no-/, "--");
        if (!this._findOption(positiveLongFlag)) {
          this.setOptionValueWithSource(option.attributeName(), true, "default");
        }
      });
      this.saveStateBeforeParse();
    } else {
      this.restoreStateBeforeParse();
    }
  }
  /**
   * Called the first time parse is called to save state and allow a restore before subsequent calls to parse.
   * Not usually called directly, but available for subclasses to save their custom state.
   *
   * This is called in a lazy way. Only commands used in parsing chain will have state saved.
   */
  saveStateBeforeParse() {
    this._savedState = {
      // name is stable if supplied by author, but may be unspecified for root command and deduced during parsing
      _name: this._name,
      // option values before parse have default values (including false for negated options)
      // shallow clones
      _optionValues: {
        ...this._optionValues
      },
      _optionValueSources: {
        ...this._optionValueSources
      }
    };
  }
  /**
   * Restore state before parse for calls after the first.
   * Not usually called directly, but available for subclasses to save their custom state.
   *
   * This is called in a lazy way. Only commands used in parsing chain will have state restored.
   */
  restoreStateBeforeParse() {
    if (this._storeOptionsAsProperties) throw new Error(`Can not call parse again when storeOptionsAsProperties is true.
- either make a new Command for each call to parse, or stop storing options as properties`);
    this._name = this._savedState._name;
    this._scriptPath = null;
    this.rawArgs = [];
    this._optionValues = {
      ...this._savedState._optionValues
    };
    this._optionValueSources = {
      ...this._savedState._optionValueSources
    };
    this.args = [];
    this.processedArgs = [];
  }
  /**
   * Throw if expected executable is missing. Add lots of help for author.
   *
   * @param {string} executableFile
   * @param {string} executableDir
   * @param {string} subcommandName
   */
  _checkForMissingExecutable(executableFile, executableDir, subcommandName) {
    if (fs.existsSync(executableFile)) return;
    const executableDirMessage = executableDir ? `searched for local subcommand relative to directory '${executableDir}'` : "no directory for search for local subcommand, use .executableDir() to supply a custom directory";
    const executableMissing = `'${executableFile}' does not exist
 - if '${subcommandName}' is not meant to be an executable command, remove description parameter from '.command()' and use '.description()' instead
 - if the default executable name is not suitable, use the executableFile option to supply a custom name or path
 - ${executableDirMessage}`;
    throw new Error(executableMissing);
  }
  /**
   * Execute a sub-command executable.
   *
   * @private
   */
  _executeSubCommand(subcommand, args) {
    args = args.slice();
    const sourceExt = [
      ".js",
      ".ts",
      ".tsx",
      ".mjs",
      ".cjs"
    ];
    function findFile(baseDir, baseName) {
      const localBin = path.resolve(baseDir, baseName);
      if (fs.existsSync(localBin)) return localBin;
      if (sourceExt.includes(path.extname(baseName))) return void 0;
      const foundExt = sourceExt.find((ext) => fs.existsSync(`${localBin}${ext}`));
      if (foundExt) return `${localBin}${foundExt}`;
      return void 0;
    }
    this._checkForMissingMandatoryOptions();
    this._checkForConflictingOptions();
    let executableFile = subcommand._executableFile || `${this._name}-${subcommand._name}`;
    let executableDir = this._executableDir || "";
    if (this._scriptPath) {
      let resolvedScriptPath;
      try {
        resolvedScriptPath = fs.realpathSync(this._scriptPath);
      } catch {
        resolvedScriptPath = this._scriptPath;
      }
      executableDir = path.resolve(path.dirname(resolvedScriptPath), executableDir);
    }
    if (executableDir) {
      let localFile = findFile(executableDir, executableFile);
      if (!localFile && !subcommand._executableFile && this._scriptPath) {
        const legacyName = path.basename(this._scriptPath, path.extname(this._scriptPath));
        if (legacyName !== this._name) {
          localFile = findFile(executableDir, `${legacyName}-${subcommand._name}`);
        }
      }
      executableFile = localFile || executableFile;
    }
    const launchWithNode = sourceExt.includes(path.extname(executableFile));
    let proc;
    if (process.platform !== "win32") {
      if (launchWithNode) {
        args.unshift(executableFile);
        args = incrementNodeInspectorPort(process.execArgv).concat(args);
        proc = childProcess.spawn(process.argv[0], args, {
          stdio: "inherit"
        });
      } else {
        proc = childProcess.spawn(executableFile, args, {
          stdio: "inherit"
        });
      }
    } else {
      this._checkForMissingExecutable(executableFile, executableDir, subcommand._name);
      args.unshift(executableFile);
      args = incrementNodeInspectorPort(process.execArgv).concat(args);
      proc = childProcess.spawn(process.execPath, args, {
        stdio: "inherit"
      });
    }
    if (!proc.killed) {
      const signals = [
        "SIGUSR1",
        "SIGUSR2",
        "SIGTERM",
        "SIGINT",
        "SIGHUP"
      ];
      signals.forEach((signal) => {
        process.on(signal, () => {
          if (proc.killed === false && proc.exitCode === null) {
            proc.kill(signal);
          }
        });
      });
    }
    const exitCallback = this._exitCallback;
    proc.on("close", (code) => {
      code = code ?? 1;
      if (!exitCallback) {
        process.exit(code);
      } else {
        exitCallback(new CommanderError(code, "commander.executeSubCommandAsync", "(close)"));
      }
    });
    proc.on("error", (err) => {
      if (err.code === "ENOENT") {
        this._checkForMissingExecutable(executableFile, executableDir, subcommand._name);
      } else if (err.code === "EACCES") {
        throw new Error(`'${executableFile}' not executable`);
      }
      if (!exitCallback) {
        process.exit(1);
      } else {
        const wrappedError = new CommanderError(1, "commander.executeSubCommandAsync", "(error)");
        wrappedError.nestedError = err;
        exitCallback(wrappedError);
      }
    });
    this.runningCommand = proc;
  }
  /**
   * @private
   */
  _dispatchSubcommand(commandName, operands, unknown) {
    const subCommand = this._findCommand(commandName);
    if (!subCommand) this.help({
      error: true
    });
    subCommand._prepareForParse();
    let promiseChain;
    promiseChain = this._chainOrCallSubCommandHook(promiseChain, subCommand, "preSubcommand");
    promiseChain = this._chainOrCall(promiseChain, () => {
      if (subCommand._executableHandler) {
        this._executeSubCommand(subCommand, operands.concat(unknown));
      } else {
        return subCommand._parseCommand(operands, unknown);
      }
    });
    return promiseChain;
  }
  /**
   * Invoke help directly if possible, or dispatch if necessary.
   * e.g. help foo
   *
   * @private
   */
  _dispatchHelpCommand(subcommandName) {
    if (!subcommandName) {
      this.help();
    }
    const subCommand = this._findCommand(subcommandName);
    if (subCommand && !subCommand._executableHandler) {
      subCommand.help();
    }
    return this._dispatchSubcommand(subcommandName, [], [
      this._getHelpOption()?.long ?? this._getHelpOption()?.short ?? "--help"
    ]);
  }
  /**
   * Check this.args against expected this.registeredArguments.
   *
   * @private
   */
  _checkNumberOfArguments() {
    this.registeredArguments.forEach((arg, i) => {
      if (arg.required && this.args[i] == null) {
        this.missingArgument(arg.name());
      }
    });
    if (this.registeredArguments.length > 0 && this.registeredArguments[this.registeredArguments.length - 1].variadic) {
      return;
    }
    if (this.args.length > this.registeredArguments.length) {
      this._excessArguments(this.args);
    }
  }
  /**
   * Process this.args using this.registeredArguments and save as this.processedArgs!
   *
   * @private
   */
  _processArguments() {
    const myParseArg = (argument, value, previous) => {
      let parsedValue = value;
      if (value !== null && argument.parseArg) {
        const invalidValueMessage = `error: command-argument value '${value}' is invalid for argument '${argument.name()}'.`;
        parsedValue = this._callParseArg(argument, value, previous, invalidValueMessage);
      }
      return parsedValue;
    };
    this._checkNumberOfArguments();
    const processedArgs = [];
    this.registeredArguments.forEach((declaredArg, index) => {
      let value = declaredArg.defaultValue;
      if (declaredArg.variadic) {
        if (index < this.args.length) {
          value = this.args.slice(index);
          if (declaredArg.parseArg) {
            value = value.reduce((processed, v) => {
              return myParseArg(declaredArg, v, processed);
            }, declaredArg.defaultValue);
          }
        } else if (value === void 0) {
          value = [];
        }
      } else if (index < this.args.length) {
        value = this.args[index];
        if (declaredArg.parseArg) {
          value = myParseArg(declaredArg, value, declaredArg.defaultValue);
        }
      }
      processedArgs[index] = value;
    });
    this.processedArgs = processedArgs;
  }
  /**
   * Once we have a promise we chain, but call synchronously until then.
   *
   * @param {(Promise|undefined)} promise
   * @param {Function} fn
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCall(promise, fn) {
    if (promise?.then && typeof promise.then === "function") {
      return promise.then(() => fn());
    }
    return fn();
  }
  /**
   *
   * @param {(Promise|undefined)} promise
   * @param {string} event
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCallHooks(promise, event) {
    let result = promise;
    const hooks = [];
    this._getCommandAndAncestors().reverse().filter((cmd) => cmd._lifeCycleHooks[event] !== void 0).forEach((hookedCommand) => {
      hookedCommand._lifeCycleHooks[event].forEach((callback) => {
        hooks.push({
          hookedCommand,
          callback
        });
      });
    });
    if (event === "postAction") {
      hooks.reverse();
    }
    hooks.forEach((hookDetail) => {
      result = this._chainOrCall(result, () => {
        return hookDetail.callback(hookDetail.hookedCommand, this);
      });
    });
    return result;
  }
  /**
   *
   * @param {(Promise|undefined)} promise
   * @param {Command} subCommand
   * @param {string} event
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCallSubCommandHook(promise, subCommand, event) {
    let result = promise;
    if (this._lifeCycleHooks[event] !== void 0) {
      this._lifeCycleHooks[event].forEach((hook) => {
        result = this._chainOrCall(result, () => {
          return hook(this, subCommand);
        });
      });
    }
    return result;
  }
  /**
   * Process arguments in context of this command.
   * Returns action result, in case it is a promise.
   *
   * @private
   */
  _parseCommand(operands, unknown) {
    const parsed = this.parseOptions(unknown);
    this._parseOptionsEnv();
    this._parseOptionsImplied();
    operands = operands.concat(parsed.operands);
    unknown = parsed.unknown;
    this.args = operands.concat(unknown);
    if (operands && this._findCommand(operands[0])) {
      return this._dispatchSubcommand(operands[0], operands.slice(1), unknown);
    }
    if (this._getHelpCommand() && operands[0] === this._getHelpCommand().name()) {
      return this._dispatchHelpCommand(operands[1]);
    }
    if (this._defaultCommandName) {
      this._outputHelpIfRequested(unknown);
      return this._dispatchSubcommand(this._defaultCommandName, operands, unknown);
    }
    if (this.commands.length && this.args.length === 0 && !this._actionHandler && !this._defaultCommandName) {
      this.help({
        error: true
      });
    }
    this._outputHelpIfRequested(parsed.unknown);
    this._checkForMissingMandatoryOptions();
    this._checkForConflictingOptions();
    const checkForUnknownOptions = () => {
      if (parsed.unknown.length > 0) {
        this.unknownOption(parsed.unknown[0]);
      }
    };
    const commandEvent = `command:${this.name()}`;
    if (this._actionHandler) {
      checkForUnknownOptions();
      this._processArguments();
      let promiseChain;
      promiseChain = this._chainOrCallHooks(promiseChain, "preAction");
      promiseChain = this._chainOrCall(promiseChain, () => this._actionHandler(this.processedArgs));
      if (this.parent) {
        promiseChain = this._chainOrCall(promiseChain, () => {
          this.parent.emit(commandEvent, operands, unknown);
        });
      }
      promiseChain = this._chainOrCallHooks(promiseChain, "postAction");
      return promiseChain;
    }
    if (this.parent?.listenerCount(commandEvent)) {
      checkForUnknownOptions();
      this._processArguments();
      this.parent.emit(commandEvent, operands, unknown);
    } else if (operands.length) {
      if (this._findCommand("*")) {
        return this._dispatchSubcommand("*", operands, unknown);
      }
      if (this.listenerCount("command:*")) {
        this.emit("command:*", operands, unknown);
      } else if (this.commands.length) {
        this.unknownCommand();
      } else {
        checkForUnknownOptions();
        this._processArguments();
      }
    } else if (this.commands.length) {
      checkForUnknownOptions();
      this.help({
        error: true
      });
    } else {
      checkForUnknownOptions();
      this._processArguments();
    }
  }
  /**
   * Find matching command.
   *
   * @private
   * @return {Command | undefined}
   */
  _findCommand(name) {
    if (!name) return void 0;
    return this.commands.find((cmd) => cmd._name === name || cmd._aliases.includes(name));
  }
  /**
   * Return an option matching `arg` if any.
   *
   * @param {string} arg
   * @return {Option}
   * @package
   */
  _findOption(arg) {
    return this.options.find((option) => option.is(arg));
  }
  /**
   * Display an error message if a mandatory option does not have a value.
   * Called after checking for help flags in leaf subcommand.
   *
   * @private
   */
  _checkForMissingMandatoryOptions() {
    this._getCommandAndAncestors().forEach((cmd) => {
      cmd.options.forEach((anOption) => {
        if (anOption.mandatory && cmd.getOptionValue(anOption.attributeName()) === void 0) {
          cmd.missingMandatoryOptionValue(anOption);
        }
      });
    });
  }
  /**
   * Display an error message if conflicting options are used together in this.
   *
   * @private
   */
  _checkForConflictingLocalOptions() {
    const definedNonDefaultOptions = this.options.filter((option) => {
      const optionKey = option.attributeName();
      if (this.getOptionValue(optionKey) === void 0) {
        return false;
      }
      return this.getOptionValueSource(optionKey) !== "default";
    });
    const optionsWithConflicting = definedNonDefaultOptions.filter((option) => option.conflictsWith.length > 0);
    optionsWithConflicting.forEach((option) => {
      const conflictingAndDefined = definedNonDefaultOptions.find((defined2) => option.conflictsWith.includes(defined2.attributeName()));
      if (conflictingAndDefined) {
        this._conflictingOption(option, conflictingAndDefined);
      }
    });
  }
  /**
   * Display an error message if conflicting options are used together.
   * Called after checking for help flags in leaf subcommand.
   *
   * @private
   */
  _checkForConflictingOptions() {
    this._getCommandAndAncestors().forEach((cmd) => {
      cmd._checkForConflictingLocalOptions();
    });
  }
  /**
   * Parse options from `argv` removing known options,
   * and return argv split into operands and unknown arguments.
   *
   * Side effects: modifies command by storing options. Does not reset state if called again.
   *
   * Examples:
   *
   *     argv => operands, unknown
   *     --known kkk op => [op], []
   *     op --known kkk => [op], []
   *     sub --unknown uuu op => [sub], [--unknown uuu op]
   *     sub -- --unknown uuu op => [sub --unknown uuu op], []
   *
   * @param {string[]} args
   * @return {{operands: string[], unknown: string[]}}
   */
  parseOptions(args) {
    const operands = [];
    const unknown = [];
    let dest = operands;
    function maybeOption(arg) {
      return arg.length > 1 && arg[0] === "-";
    }
    const negativeNumberArg = (arg) => {
      if (!/^-(\d+|\d*\.\d+)([eE][+-]?\d+)?$/.test(arg)) return false;
      return !this._getCommandAndAncestors().some((cmd) => cmd.options.map((opt) => opt.short).some((short) => /^-\d$/.test(short)));
    };
    let activeVariadicOption = null;
    let activeGroup = null;
    let i = 0;
    while (i < args.length || activeGroup) {
      const arg = activeGroup ?? args[i++];
      activeGroup = null;
      if (arg === "--") {
        if (dest === unknown) dest.push(arg);
        dest.push(...args.slice(i));
        break;
      }
      if (activeVariadicOption && (!maybeOption(arg) || negativeNumberArg(arg))) {
        this.emit(`option:${activeVariadicOption.name()}`, arg);
        continue;
      }
      activeVariadicOption = null;
      if (maybeOption(arg)) {
        const option = this._findOption(arg);
        if (option) {
          if (option.required) {
            const value = args[i++];
            if (value === void 0) this.optionMissingArgument(option);
            this.emit(`option:${option.name()}`, value);
          } else if (option.optional) {
            let value = null;
            if (i < args.length && (!maybeOption(args[i]) || negativeNumberArg(args[i]))) {
              value = args[i++];
            }
            this.emit(`option:${option.name()}`, value);
          } else {
            this.emit(`option:${option.name()}`);
          }
          activeVariadicOption = option.variadic ? option : null;
          continue;
        }
      }
      if (arg.length > 2 && arg[0] === "-" && arg[1] !== "-") {
        const option = this._findOption(`-${arg[1]}`);
        if (option) {
          if (option.required || option.optional && this._combineFlagAndOptionalValue) {
            this.emit(`option:${option.name()}`, arg.slice(2));
          } else {
            this.emit(`option:${option.name()}`);
            activeGroup = `-${arg.slice(2)}`;
          }
          continue;
        }
      }
      if (/^--[^=]+=/.test(arg)) {
        const index = arg.indexOf("=");
        const option = this._findOption(arg.slice(0, index));
        if (option && (option.required || option.optional)) {
          this.emit(`option:${option.name()}`, arg.slice(index + 1));
          continue;
        }
      }
      if (dest === operands && maybeOption(arg) && !(this.commands.length === 0 && negativeNumberArg(arg))) {
        dest = unknown;
      }
      if ((this._enablePositionalOptions || this._passThroughOptions) && operands.length === 0 && unknown.length === 0) {
        if (this._findCommand(arg)) {
          operands.push(arg);
          unknown.push(...args.slice(i));
          break;
        } else if (this._getHelpCommand() && arg === this._getHelpCommand().name()) {
          operands.push(arg, ...args.slice(i));
          break;
        } else if (this._defaultCommandName) {
          unknown.push(arg, ...args.slice(i));
          break;
        }
      }
      if (this._passThroughOptions) {
        dest.push(arg, ...args.slice(i));
        break;
      }
      dest.push(arg);
    }
    return {
      operands,
      unknown
    };
  }
  /**
   * Return an object containing local option values as key-value pairs.
   *
   * @return {object}
   */
  opts() {
    if (this._storeOptionsAsProperties) {
      const result = {};
      const len = this.options.length;
      for (let i = 0; i < len; i++) {
        const key = this.options[i].attributeName();
        result[key] = key === this._versionOptionName ? this._version : this[key];
      }
      return result;
    }
    return this._optionValues;
  }
  /**
   * Return an object containing merged local and global option values as key-value pairs.
   *
   * @return {object}
   */
  optsWithGlobals() {
    return this._getCommandAndAncestors().reduce((combinedOptions, cmd) => Object.assign(combinedOptions, cmd.opts()), {});
  }
  /**
   * Display error message and exit (or call exitOverride).
   *
   * @param {string} message
   * @param {object} [errorOptions]
   * @param {string} [errorOptions.code] - an id string representing the error
   * @param {number} [errorOptions.exitCode] - used with process.exit
   */
  error(message, errorOptions) {
    this._outputConfiguration.outputError(`${message}
`, this._outputConfiguration.writeErr);
    if (typeof this._showHelpAfterError === "string") {
      this._outputConfiguration.writeErr(`${this._showHelpAfterError}
`);
    } else if (this._showHelpAfterError) {
      this._outputConfiguration.writeErr("\n");
      this.outputHelp({
        error: true
      });
    }
    const config = errorOptions || {};
    const exitCode = config.exitCode || 1;
    const code = config.code || "commander.error";
    this._exit(exitCode, code, message);
  }
  /**
   * Apply any option related environment variables, if option does
   * not have a value from cli or client code.
   *
   * @private
   */
  _parseOptionsEnv() {
    this.options.forEach((option) => {
      if (option.envVar && option.envVar in process.env) {
        const optionKey = option.attributeName();
        if (this.getOptionValue(optionKey) === void 0 || [
          "default",
          "config",
          "env"
        ].includes(this.getOptionValueSource(optionKey))) {
          if (option.required || option.optional) {
            this.emit(`optionEnv:${option.name()}`, process.env[option.envVar]);
          } else {
            this.emit(`optionEnv:${option.name()}`);
          }
        }
      }
    });
  }
  /**
   * Apply any implied option values, if option is undefined or default value.
   *
   * @private
   */
  _parseOptionsImplied() {
    const dualHelper = new DualOptions(this.options);
    const hasCustomOptionValue = (optionKey) => {
      return this.getOptionValue(optionKey) !== void 0 && ![
        "default",
        "implied"
      ].includes(this.getOptionValueSource(optionKey));
    };
    this.options.filter((option) => option.implied !== void 0 && hasCustomOptionValue(option.attributeName()) && dualHelper.valueFromOption(this.getOptionValue(option.attributeName()), option)).forEach((option) => {
      Object.keys(option.implied).filter((impliedKey) => !hasCustomOptionValue(impliedKey)).forEach((impliedKey) => {
        this.setOptionValueWithSource(impliedKey, option.implied[impliedKey], "implied");
      });
    });
  }
  /**
   * Argument `name` is missing.
   *
   * @param {string} name
   * @private
   */
  missingArgument(name) {
    const message = `error: missing required argument '${name}'`;
    this.error(message, {
      code: "commander.missingArgument"
    });
  }
  /**
   * `Option` is missing an argument.
   *
   * @param {Option} option
   * @private
   */
  optionMissingArgument(option) {
    const message = `error: option '${option.flags}' argument missing`;
    this.error(message, {
      code: "commander.optionMissingArgument"
    });
  }
  /**
   * `Option` does not have a value, and is a mandatory option.
   *
   * @param {Option} option
   * @private
   */
  missingMandatoryOptionValue(option) {
    const message = `error: required option '${option.flags}' not specified`;
    this.error(message, {
      code: "commander.missingMandatoryOptionValue"
    });
  }
  /**
   * `Option` conflicts with another option.
   *
   * @param {Option} option
   * @param {Option} conflictingOption
   * @private
   */
  _conflictingOption(option, conflictingOption) {
    const findBestOptionFromValue = (option2) => {
      const optionKey = option2.attributeName();
      const optionValue = this.getOptionValue(optionKey);
      const negativeOption = this.options.find((target) => target.negate && optionKey === target.attributeName());
      const positiveOption = this.options.find((target) => !target.negate && optionKey === target.attributeName());
      if (negativeOption && (negativeOption.presetArg === void 0 && optionValue === false || negativeOption.presetArg !== void 0 && optionValue === negativeOption.presetArg)) {
        return negativeOption;
      }
      return positiveOption || option2;
    };
    const getErrorMessage = (option2) => {
      const bestOption = findBestOptionFromValue(option2);
      const optionKey = bestOption.attributeName();
      const source = this.getOptionValueSource(optionKey);
      if (source === "env") {
        return `environment variable '${bestOption.envVar}'`;
      }
      return `option '${bestOption.flags}'`;
    };
    const message = `error: ${getErrorMessage(option)} cannot be used with ${getErrorMessage(conflictingOption)}`;
    this.error(message, {
      code: "commander.conflictingOption"
    });
  }
  /**
   * Unknown option `flag`.
   *
   * @param {string} flag
   * @private
   */
  unknownOption(flag) {
    if (this._allowUnknownOption) return;
    let suggestion = "";
    if (flag.startsWith("--") && this._showSuggestionAfterError) {
      let candidateFlags = [];
      let command = this;
      do {
        const moreFlags = command.createHelp().visibleOptions(command).filter((option) => option.long).map((option) => option.long);
        candidateFlags = candidateFlags.concat(moreFlags);
        command = command.parent;
      } while (command && !command._enablePositionalOptions);
      suggestion = suggestSimilar(flag, candidateFlags);
    }
    const message = `error: unknown option '${flag}'${suggestion}`;
    this.error(message, {
      code: "commander.unknownOption"
    });
  }
  /**
   * Excess arguments, more than expected.
   *
   * @param {string[]} receivedArgs
   * @private
   */
  _excessArguments(receivedArgs) {
    if (this._allowExcessArguments) return;
    const expected = this.registeredArguments.length;
    const s = expected === 1 ? "" : "s";
    const received = receivedArgs.length;
    const forSubcommand = this.parent ? ` for '${this.name()}'` : "";
    const details = receivedArgs.join(", ");
    const message = `error: too many arguments${forSubcommand}. Expected ${expected} argument${s} but got ${received}: ${details}.`;
    this.error(message, {
      code: "commander.excessArguments"
    });
  }
  /**
   * Unknown command.
   *
   * @private
   */
  unknownCommand() {
    const unknownName = this.args[0];
    let suggestion = "";
    if (this._showSuggestionAfterError) {
      const candidateNames = [];
      this.createHelp().visibleCommands(this).forEach((command) => {
        candidateNames.push(command.name());
        if (command.alias()) candidateNames.push(command.alias());
      });
      suggestion = suggestSimilar(unknownName, candidateNames);
    }
    const message = `error: unknown command '${unknownName}'${suggestion}`;
    this.error(message, {
      code: "commander.unknownCommand"
    });
  }
  /**
   * Get or set the program version.
   *
   * This method auto-registers the "-V, --version" option which will print the version number.
   *
   * You can optionally supply the flags and description to override the defaults.
   *
   * @param {string} [str]
   * @param {string} [flags]
   * @param {string} [description]
   * @return {(this | string | undefined)} `this` command for chaining, or version string if no arguments
   */
  version(str, flags, description) {
    if (str === void 0) return this._version;
    this._version = str;
    flags = flags || "-V, --version";
    description = description || "output the version number";
    const versionOption = this.createOption(flags, description);
    this._versionOptionName = versionOption.attributeName();
    this._registerOption(versionOption);
    this.on("option:" + versionOption.name(), () => {
      this._outputConfiguration.writeOut(`${str}
`);
      this._exit(0, "commander.version", str);
    });
    return this;
  }
  /**
   * Set the description.
   *
   * @param {string} [str]
   * @param {object} [argsDescription]
   * @return {(string|Command)}
   */
  description(str, argsDescription) {
    if (str === void 0 && argsDescription === void 0) return this._description;
    this._description = str;
    if (argsDescription) {
      this._argsDescription = argsDescription;
    }
    return this;
  }
  /**
   * Set the summary. Used when listed as subcommand of parent.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  summary(str) {
    if (str === void 0) return this._summary;
    this._summary = str;
    return this;
  }
  /**
   * Set an alias for the command.
   *
   * You may call more than once to add multiple aliases. Only the first alias is shown in the auto-generated help.
   *
   * @param {string} [alias]
   * @return {(string|Command)}
   */
  alias(alias) {
    if (alias === void 0) return this._aliases[0];
    let command = this;
    if (this.commands.length !== 0 && this.commands[this.commands.length - 1]._executableHandler) {
      command = this.commands[this.commands.length - 1];
    }
    if (alias === command._name) throw new Error("Command alias can't be the same as its name");
    const matchingCommand = this.parent?._findCommand(alias);
    if (matchingCommand) {
      const existingCmd = [
        matchingCommand.name()
      ].concat(matchingCommand.aliases()).join("|");
      throw new Error(`cannot add alias '${alias}' to command '${this.name()}' as already have command '${existingCmd}'`);
    }
    command._aliases.push(alias);
    return this;
  }
  /**
   * Set aliases for the command.
   *
   * Only the first alias is shown in the auto-generated help.
   *
   * @param {string[]} [aliases]
   * @return {(string[]|Command)}
   */
  aliases(aliases) {
    if (aliases === void 0) return this._aliases;
    aliases.forEach((alias) => this.alias(alias));
    return this;
  }
  /**
   * Set / get the command usage `str`.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  usage(str) {
    if (str === void 0) {
      if (this._usage) return this._usage;
      const args = this.registeredArguments.map((arg) => {
        return humanReadableArgName(arg);
      });
      return [].concat(this.options.length || this._helpOption !== null ? "[options]" : [], this.commands.length ? "[command]" : [], this.registeredArguments.length ? args : []).join(" ");
    }
    this._usage = str;
    return this;
  }
  /**
   * Get or set the name of the command.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  name(str) {
    if (str === void 0) return this._name;
    this._name = str;
    return this;
  }
  /**
   * Set/get the help group heading for this subcommand in parent command's help.
   *
   * @param {string} [heading]
   * @return {Command | string}
   */
  helpGroup(heading) {
    if (heading === void 0) return this._helpGroupHeading ?? "";
    this._helpGroupHeading = heading;
    return this;
  }
  /**
   * Set/get the default help group heading for subcommands added to this command.
   * (This does not override a group set directly on the subcommand using .helpGroup().)
   *
   * @example
   * program.commandsGroup('Development Commands:');
   * program.command('watch')...
   * program.command('lint')...
   * ...
   *
   * @param {string} [heading]
   * @returns {Command | string}
   */
  commandsGroup(heading) {
    if (heading === void 0) return this._defaultCommandGroup ?? "";
    this._defaultCommandGroup = heading;
    return this;
  }
  /**
   * Set/get the default help group heading for options added to this command.
   * (This does not override a group set directly on the option using .helpGroup().)
   *
   * @example
   * program
   *   .optionsGroup('Development Options:')
   *   .option('-d, --debug', 'output extra debugging')
   *   .option('-p, --profile', 'output profiling information')
   *
   * @param {string} [heading]
   * @returns {Command | string}
   */
  optionsGroup(heading) {
    if (heading === void 0) return this._defaultOptionGroup ?? "";
    this._defaultOptionGroup = heading;
    return this;
  }
  /**
   * @param {Option} option
   * @private
   */
  _initOptionGroup(option) {
    if (this._defaultOptionGroup && !option.helpGroupHeading) option.helpGroup(this._defaultOptionGroup);
  }
  /**
   * @param {Command} cmd
   * @private
   */
  _initCommandGroup(cmd) {
    if (this._defaultCommandGroup && !cmd.helpGroup()) cmd.helpGroup(this._defaultCommandGroup);
  }
  /**
   * Set the name of the command from script filename, such as process.argv[1],
   * or import.meta.filename.
   *
   * (Used internally and public although not documented in README.)
   *
   * @example
   * program.nameFromFilename(import.meta.filename);
   *
   * @param {string} filename
   * @return {Command}
   */
  nameFromFilename(filename) {
    this._name = path.basename(filename, path.extname(filename));
    return this;
  }
  /**
   * Get or set the directory for searching for executable subcommands of this command.
   *
   * @example
   * program.executableDir(import.meta.dirname);
   * // or
   * program.executableDir('subcommands');
   *
   * @param {string} [path]
   * @return {(string|null|Command)}
   */
  executableDir(path2) {
    if (path2 === void 0) return this._executableDir;
    this._executableDir = path2;
    return this;
  }
  /**
   * Return program help documentation.
   *
   * @param {{ error: boolean }} [contextOptions] - pass {error:true} to wrap for stderr instead of stdout
   * @return {string}
   */
  helpInformation(contextOptions) {
    const helper = this.createHelp();
    const context = this._getOutputContext(contextOptions);
    helper.prepareContext({
      error: context.error,
      helpWidth: context.helpWidth,
      outputHasColors: context.hasColors
    });
    const text2 = helper.formatHelp(this, helper);
    if (context.hasColors) return text2;
    return this._outputConfiguration.stripColor(text2);
  }
  /**
   * @typedef HelpContext
   * @type {object}
   * @property {boolean} error
   * @property {number} helpWidth
   * @property {boolean} hasColors
   * @property {function} write - includes stripColor if needed
   *
   * @returns {HelpContext}
   * @private
   */
  _getOutputContext(contextOptions) {
    contextOptions = contextOptions || {};
    const error = !!contextOptions.error;
    let baseWrite;
    let hasColors;
    let helpWidth;
    if (error) {
      baseWrite = (str) => this._outputConfiguration.writeErr(str);
      hasColors = this._outputConfiguration.getErrHasColors();
      helpWidth = this._outputConfiguration.getErrHelpWidth();
    } else {
      baseWrite = (str) => this._outputConfiguration.writeOut(str);
      hasColors = this._outputConfiguration.getOutHasColors();
      helpWidth = this._outputConfiguration.getOutHelpWidth();
    }
    const write = (str) => {
      if (!hasColors) str = this._outputConfiguration.stripColor(str);
      return baseWrite(str);
    };
    return {
      error,
      write,
      hasColors,
      helpWidth
    };
  }
  /**
   * Output help information for this command.
   *
   * Outputs built-in help, and custom text added using `.addHelpText()`.
   *
   * @param {{ error: boolean } | Function} [contextOptions] - pass {error:true} to write to stderr instead of stdout
   */
  outputHelp(contextOptions) {
    let deprecatedCallback;
    if (typeof contextOptions === "function") {
      deprecatedCallback = contextOptions;
      contextOptions = void 0;
    }
    const outputContext = this._getOutputContext(contextOptions);
    const eventContext = {
      error: outputContext.error,
      write: outputContext.write,
      command: this
    };
    this._getCommandAndAncestors().reverse().forEach((command) => command.emit("beforeAllHelp", eventContext));
    this.emit("beforeHelp", eventContext);
    let helpInformation = this.helpInformation({
      error: outputContext.error
    });
    if (deprecatedCallback) {
      helpInformation = deprecatedCallback(helpInformation);
      if (typeof helpInformation !== "string" && !Buffer.isBuffer(helpInformation)) {
        throw new Error("outputHelp callback must return a string or a Buffer");
      }
    }
    outputContext.write(helpInformation);
    if (this._getHelpOption()?.long) {
      this.emit(this._getHelpOption().long);
    }
    this.emit("afterHelp", eventContext);
    this._getCommandAndAncestors().forEach((command) => command.emit("afterAllHelp", eventContext));
  }
  /**
   * You can pass in flags and a description to customise the built-in help option.
   * Pass in false to disable the built-in help option.
   *
   * @example
   * program.helpOption('-?, --help', 'show help'); // customise
   * program.helpOption(false); // disable
   *
   * @param {(string | boolean)} flags
   * @param {string} [description]
   * @return {Command} `this` command for chaining
   */
  helpOption(flags, description) {
    if (typeof flags === "boolean") {
      if (flags) {
        if (this._helpOption === null) this._helpOption = void 0;
        if (this._defaultOptionGroup) {
          this._initOptionGroup(this._getHelpOption());
        }
      } else {
        this._helpOption = null;
      }
      return this;
    }
    this._helpOption = this.createOption(flags ?? "-h, --help", description ?? "display help for command");
    if (flags || description) this._initOptionGroup(this._helpOption);
    return this;
  }
  /**
   * Lazy create help option.
   * Returns null if has been disabled with .helpOption(false).
   *
   * @returns {(Option | null)} the help option
   * @package
   */
  _getHelpOption() {
    if (this._helpOption === void 0) {
      this.helpOption(void 0, void 0);
    }
    return this._helpOption;
  }
  /**
   * Supply your own option to use for the built-in help option.
   * This is an alternative to using helpOption() to customise the flags and description etc.
   *
   * @param {Option} option
   * @return {Command} `this` command for chaining
   */
  addHelpOption(option) {
    this._helpOption = option;
    this._initOptionGroup(option);
    return this;
  }
  /**
   * Output help information and exit.
   *
   * Outputs built-in help, and custom text added using `.addHelpText()`.
   *
   * @param {{ error: boolean }} [contextOptions] - pass {error:true} to write to stderr instead of stdout
   */
  help(contextOptions) {
    this.outputHelp(contextOptions);
    let exitCode = Number(process.exitCode ?? 0);
    if (exitCode === 0 && contextOptions && typeof contextOptions !== "function" && contextOptions.error) {
      exitCode = 1;
    }
    this._exit(exitCode, "commander.help", "(outputHelp)");
  }
  /**
   * // Do a little typing to coordinate emit and listener for the help text events.
   * @typedef HelpTextEventContext
   * @type {object}
   * @property {boolean} error
   * @property {Command} command
   * @property {function} write
   */
  /**
  * Add additional text to be displayed with the built-in help.
  *
  * Position is 'before' or 'after' to affect just this command,
  * and 'beforeAll' or 'afterAll' to affect this command and all its subcommands.
  *
  * @param {string} position - before or after built-in help
  * @param {(string | Function)} text - string to add, or a function returning a string
  * @return {Command} `this` command for chaining
  */
  addHelpText(position, text2) {
    const allowedValues = [
      "beforeAll",
      "before",
      "after",
      "afterAll"
    ];
    if (!allowedValues.includes(position)) {
      throw new Error(`Unexpected value for position to addHelpText.
Expecting one of '${allowedValues.join("', '")}'`);
    }
    const helpEvent = `${position}Help`;
    this.on(helpEvent, (context) => {
      let helpStr;
      if (typeof text2 === "function") {
        helpStr = text2({
          error: context.error,
          command: context.command
        });
      } else {
        helpStr = text2;
      }
      if (helpStr) {
        context.write(`${helpStr}
`);
      }
    });
    return this;
  }
  /**
   * Output help information if help flags specified
   *
   * @param {Array} args - array of options to search for help flags
   * @private
   */
  _outputHelpIfRequested(args) {
    const helpOption = this._getHelpOption();
    const helpRequested = helpOption && args.find((arg) => helpOption.is(arg));
    if (helpRequested) {
      this.outputHelp();
      this._exit(0, "commander.helpDisplayed", "(outputHelp)");
    }
  }
};
function incrementNodeInspectorPort(args) {
  return args.map((arg) => {
    if (!arg.startsWith("--inspect")) {
      return arg;
    }
    let debugOption;
    let debugHost = "127.0.0.1";
    let debugPort = "9229";
    let match;
    if ((match = arg.match(/^(--inspect(-brk|-wait)?)$/)) !== null) {
      debugOption = match[1];
    } else if ((match = arg.match(/^(--inspect(-brk|-port|-wait)?)=(\[[^\]]+\]|[^:]+)$/)) !== null) {
      debugOption = match[1];
      if (/^\d+$/.test(match[3])) {
        debugPort = match[3];
      } else {
        debugHost = match[3];
      }
    } else if ((match = arg.match(/^(--inspect(-brk|-port|-wait)?)=(\[[^\]]+\]|[^:]+):(\d+)$/)) !== null) {
      debugOption = match[1];
      debugHost = match[3];
      debugPort = match[4];
    }
    if (debugOption && debugPort !== "0") {
      return `${debugOption}=${debugHost}:${parseInt(debugPort) + 1}`;
    }
    return arg;
  });
}
function useColor() {
  if (process.env.NO_COLOR || process.env.FORCE_COLOR === "0" || process.env.FORCE_COLOR === "false") return false;
  if (process.env.FORCE_COLOR || process.env.CLICOLOR_FORCE !== void 0) return true;
  return void 0;
}

// npm:commander/15.1.0/index.js
var program = new Command();

// src/cli/audit/folder.ts
async function findAuditFolder(dir) {
  const path2 = dir.replace(/(?<=.)\/+$/, "");
  const inside = `${path2}/audit`;
  const found = await Deno.stat(inside).then(({ isDirectory }) => isDirectory, () => false);
  const folder = found ? inside : path2;
  await checkIsLog(folder);
  return folder;
}

// src/cli/shared/context.ts
function withProgram(help) {
  const example = /^( +)sallyport (\S+)/gm;
  return () => help.replace(example, (_, indent, word2) => indent + commandLine([
    word2
  ]));
}
function collect(value, earlier = []) {
  return [
    ...earlier,
    value
  ];
}
function parseCount(max) {
  return (text2) => {
    const value = Number(text2);
    if (/^\d{1,6}$/.test(text2) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`It must be 1 to ${max}`);
  };
}

// src/cli/terminal/failure.ts
var EXIT_DONE = 0;
var EXIT_FAILED = 1;
var EXIT_USAGE = 2;
var EXIT_INTERRUPTED = 130;
var UsageError = class extends Error {
  hint;
  constructor(message, hint) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
};
var InterruptedError = class extends Error {
  hint;
  constructor(hint = "The plugin was stopped and nothing was left behind") {
    super("Interrupted");
    this.name = "InterruptedError";
    this.hint = hint;
  }
};
var BadFindings = class extends Error {
  name = "BadFindings";
};
var DEFAULT_HINTS = {
  cancelled: "Run the command again to start over",
  crashed: "Look at what the plugin wrote to stderr",
  "launch-failed": "Look at what the plugin wrote to stderr",
  "limit-exceeded": "Ask for less, or raise the limit in plugin.json and in the policy",
  "method-not-found": "Name a method that the plugin's `methods` has",
  "plugin-error": "The error is the plugin's own: check the parameters, then ask its author",
  "protocol-violation": "Ask the plugin's author: it broke the protocol, so it was ended",
  timeout: "Give it longer with --timeout, up to the plugin's callTimeoutMs"
};
var MAX_CHARACTERS = 2e4;
function describeFailure(error, command) {
  const { code, message, hint, exitCode } = classify(error, command);
  return {
    code,
    details: error instanceof SallyportError ? error.details : {},
    message: escapeText(message, MAX_CHARACTERS),
    hint: escapeText(hint ?? DEFAULT_HINTS[code] ?? `Run "${commandLine([
      "--help"
    ])}" to see every command`, MAX_CHARACTERS),
    exitCode
  };
}
function classify(error, command) {
  const usageHint = `Run "${commandLine([
    ...command?.split(" ") ?? [],
    "--help"
  ])}"`;
  if (error instanceof SallyportError) {
    const { code, message, hint, details } = error;
    const ownHint = code === "untrusted" && details.signedBy !== void 0 ? "If you trust its author, pass the author's public key with --key, or add it to the trust list" : hint;
    return {
      code,
      message,
      hint: ownHint,
      exitCode: EXIT_FAILED
    };
  }
  if (error instanceof UsageError) {
    const { message, hint = usageHint } = error;
    return {
      code: "usage",
      message,
      hint,
      exitCode: EXIT_USAGE
    };
  }
  if (error instanceof CommanderError) {
    const { message, suggestion = usageHint } = readCommander(error);
    return {
      code: "usage",
      message,
      hint: suggestion,
      exitCode: EXIT_USAGE
    };
  }
  if (error instanceof InterruptedError) {
    const { message, hint } = error;
    return {
      code: "cancelled",
      message,
      hint,
      exitCode: EXIT_INTERRUPTED
    };
  }
  if (error instanceof Deno.errors.NotCapable) {
    const hint = "Run the command with the permission that it names, or with -A";
    return {
      code: "bad-config",
      message: error.message,
      hint,
      exitCode: EXIT_FAILED
    };
  }
  return {
    code: "internal",
    message: readThrown(error).message,
    hint: "This is a mistake in sallyport: please report it with the lines above",
    exitCode: EXIT_FAILED
  };
}
function readCommander(error) {
  const [first = "", second] = error.message.replace(/^error: /, "").split("\n");
  const quoted = first.replace(/'([^']*)'/g, '"$1"').replace(/\.$/, "");
  const message = `${quoted.slice(0, 1).toUpperCase()}${quoted.slice(1)}`;
  if (error.code === "commander.help") return {
    message: "No command was given"
  };
  return second === void 0 ? {
    message
  } : {
    message,
    suggestion: second.replace(/^\(|\)$/g, "")
  };
}

// src/cli/shared/dates.ts
var DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
var SPAN = /^(\d{1,5})d$/;
var DAY_MS = 864e5;
function parseDate(text2, what) {
  return text2 === void 0 ? void 0 : parse(text2, what, "");
}
function parse(text2, what, others) {
  const date = DATE.test(text2) ? new Date(text2) : new Date(Number.NaN);
  const roundTrips = !Number.isNaN(date.getTime()) && (text2.length > 10 || date.toISOString().startsWith(text2));
  if (roundTrips) return date;
  throw new UsageError(`Cannot use "${text2}" as ${what}: it is not a date`, `Write ${others}a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z`);
}
function parseFutureDate(text2, what) {
  return text2 === void 0 ? void 0 : checkFuture(parse(text2, what, ""), text2, what);
}
function checkFuture(date, text2, what) {
  if (date > /* @__PURE__ */ new Date()) return date;
  throw new UsageError(`Cannot use "${text2}" as ${what}: it has passed`, "Name a later date");
}
function parseFutureDateOrSpan(text2, what) {
  const days = SPAN.exec(text2)?.[1];
  const date = days === void 0 ? parse(text2, what, "days such as 365d, ") : new Date(Date.now() + Number(days) * DAY_MS);
  return checkFuture(date, text2, what);
}
function shortDate(time2) {
  return time2.replace(/T00:00:00(?:\.000)?Z$/, "").replace(/:\d{2}\.\d{3}Z$/, "Z");
}

// src/cli/terminal/interrupt.ts
var SAME_MS = 500;
function listenForInterrupt() {
  const controller = new AbortController();
  let first;
  const listener = () => {
    if (first !== void 0 && performance.now() - first > SAME_MS) Deno.exit(EXIT_INTERRUPTED);
    first ??= performance.now();
    controller.abort();
  };
  const names = Deno.build.os === "windows" ? [
    "SIGINT",
    "SIGBREAK"
  ] : [
    "SIGINT",
    "SIGTERM",
    "SIGHUP"
  ];
  for (const name of names) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    async race(promise) {
      const { promise: aborted, reject } = Promise.withResolvers();
      const onAbort = () => reject(new InterruptedError("Nothing was started"));
      controller.signal.addEventListener("abort", onAbort, {
        once: true
      });
      try {
        return await Promise.race([
          promise,
          aborted
        ]);
      } finally {
        controller.signal.removeEventListener("abort", onAbort);
      }
    },
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, listener);
    }
  };
}

// src/cli/terminal/output.ts
var STYLES = {
  bold: [
    1,
    22
  ],
  dim: [
    2,
    22
  ],
  red: [
    31,
    39
  ],
  green: [
    32,
    39
  ],
  yellow: [
    33,
    39
  ]
};
var STYLED = /(\n|\u001b\[(?:1|2|22|3[1-3]|39)m)/;
var Output = class {
  /** Whether programs read: one JSON document on stdout, nothing else there. */
  json;
  #io;
  constructor(io, json) {
    this.#io = io;
    this.json = json;
  }
  result(value, lines) {
    if (this.json) this.#io.writeOut(`${toJson(value, this.#io.outIsTerminal)}
`);
    else this.#io.writeOut(lines().map((line) => `${safe(line)}
`).join(""));
  }
  line(text2) {
    this.#io.writeOut(`${safe(text2)}
`);
  }
  errorLine(text2) {
    this.#io.writeErr(`${safe(text2)}
`);
  }
  warn(message) {
    this.errorLine(`${this.errStyle("yellow", "warning:")} ${escapeText(message)}`);
  }
  failure({ code, message, hint, details }) {
    if (this.json) {
      this.result({
        error: {
          code,
          message,
          hint,
          details
        }
      }, () => []);
      return;
    }
    this.errorLine(`${this.errStyle("red", "error:")} ${message}`);
    this.errorLine(`  code: ${code}`);
    this.errorLine(`  hint: ${hint}`);
  }
  style(style, text2) {
    return this.#io.outIsTerminal && !this.#io.noColor ? paint(style, text2) : text2;
  }
  errStyle(style, text2) {
    return this.#io.errIsTerminal && !this.#io.noColor ? paint(style, text2) : text2;
  }
};
function safe(text2) {
  return text2.split(STYLED).map((part, at) => at % 2 === 1 ? part : escapeText(part, Infinity)).join("");
}
function paint(style, text2) {
  const [on, off] = STYLES[style];
  return `\x1B[${on}m${text2}\x1B[${off}m`;
}
function toJson(value, pretty) {
  const json = JSON.stringify(value, (_key, inner) => inner instanceof Uint8Array ? {
    $base64: encodeBase64(inner)
  } : inner, pretty ? 2 : void 0) ?? "null";
  return json.split("\n").map((line) => escapeText(line, Infinity)).join("\n");
}

// src/cli/audit/show.ts
var MAX_LIMIT = 1e5;
var MAX_VALUE = 300;
var MAX_TYPES = 50;
var HASH_DIGITS = 16;
var TYPE_WIDTH = 11;
var TYPES = [
  [
    "yellow",
    [
      "denied",
      "suppressing",
      "suppressed"
    ]
  ],
  [
    "red",
    [
      "damaged",
      "failed",
      "violation",
      "crashed",
      "lost",
      "unreadable"
    ]
  ],
  [
    "green",
    [
      "loaded"
    ]
  ],
  [
    "dim",
    [
      "started",
      "stopped",
      "checkpoint"
    ]
  ]
];
function addAuditShow(audit, context) {
  audit.command("show").description("show what happened, the latest last; nothing is checked, see verify").argument("<dir>", "the data folder of a host, or its audit folder").option("--plugin <name>", "only what is about this plugin").option("--type <type>", "only entries of this type, such as denied (repeatable)", collect).option("--since <date>", "only from then on: 2027-01-31, or 2027-01-31T12:00:00Z").option("--until <date>", "only before then").option("--limit <n>", "how many entries, the latest", parseCount(MAX_LIMIT), 100).option("--follow", "go on with what is written, until Ctrl-C; with --json, one line an entry").action((dir, options) => show(dir, options, context));
}
async function show(dir, options, { output }) {
  const { plugin, type: types, since, until, limit, follow: follow2 = false } = options;
  const query = {
    plugin,
    types,
    since: parseDate(since, "--since"),
    until: parseDate(until, "--until")
  };
  const folder = await findAuditFolder(dir);
  const reader = new AuditReader(folder);
  const entries = [];
  let omitted = 0;
  const keepLatest = () => omitted += entries.splice(0, entries.length - limit).length;
  for await (const record of reader.read(query)) {
    entries.push(record);
    if (entries.length >= 2 * limit) keepLatest();
  }
  if (entries.length > limit) keepLatest();
  if (!follow2) {
    const none = entries.length === 0 ? await noEntries(folder, query) : [];
    return output.result({
      dir: folder,
      omitted,
      entries: entries.map(toEntry)
    }, () => [
      ...omitted === 0 ? [] : [
        output.style("dim", `(${omitted} earlier: see --limit)`)
      ],
      ...none,
      ...entries.map((entry) => entryLine(entry, output))
    ]);
  }
  const print = (entry) => output.line(output.json ? toJson(toEntry(entry), false) : entryLine(entry, output));
  entries.forEach(print);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  while (!signal.aborted) {
    await reader.pause(signal);
    for await (const entry of reader.read({
      ...query,
      signal
    })) print(entry);
  }
}
async function noEntries(folder, { types, ...rest }) {
  if (types === void 0) return [
    "No entries"
  ];
  const found = /* @__PURE__ */ new Set();
  for await (const { type } of new AuditReader(folder).read(rest)) {
    found.add(escapeText(type, MAX_VALUE));
    if (found.size === MAX_TYPES) break;
  }
  if (found.size === 0) return [
    "No entries"
  ];
  const asked = types.map((type) => escapeText(type, MAX_VALUE)).join(" or ");
  return [
    `No entries of type ${asked}; there are: ${[
      ...found
    ].sort().join(", ")}`
  ];
}
function toEntry({ fields, ...place }) {
  return {
    ...place,
    ...fields,
    ...place
  };
}
function entryLine(record, output) {
  const { time: time2, type, chain, fields, unsigned } = record;
  const { plugin, version, ...rest } = fields;
  const padded = escapeText(type, 40).padEnd(TYPE_WIDTH);
  const style = TYPES.find(([, types]) => types.includes(type))?.[0];
  const about2 = [
    plugin,
    version
  ].filter((part) => part !== void 0).map(word).join(" ");
  const facts = Object.entries(rest).map(([name, value]) => `${escapeText(name, 60)}=${word(shorten(name, value))}`);
  return [
    escapeText(time2, 40),
    `#${chain}`,
    style === void 0 ? padded : output.style(style, padded),
    ...unsigned ? [
      output.style("red", "UNSIGNED")
    ] : [],
    ...plugin === void 0 ? [] : [
      output.style("bold", about2)
    ],
    ...facts
  ].join(" ").trimEnd();
}
function shorten(name, value) {
  const hash2 = typeof value === "string" && /^[0-9a-f]{128}$/.test(value) && /hash/i.test(name);
  return hash2 ? `${value.slice(0, HASH_DIGITS)}\u2026` : value;
}
function word(value) {
  const bare = typeof value === "string" && /^[\p{L}\p{N}._:/@+…-]+$/u.test(value);
  return escapeText(bare ? value : JSON.stringify(value) ?? "", MAX_VALUE);
}

// src/cli/terminal/layout.ts
var TABLE_WIDTH = 80;
function wrap(text2, width) {
  const lines = [];
  let line = "";
  for (let word2 of text2.split(" ")) {
    if (line !== "" && line.length + 1 + word2.length <= width) {
      line += ` ${word2}`;
      continue;
    }
    if (line !== "") lines.push(line);
    for (; word2.length > width; word2 = word2.slice(width)) lines.push(word2.slice(0, width));
    line = word2;
  }
  return [
    ...lines,
    line
  ];
}
function hanging(head, headWidth, text2) {
  const [first = "", ...rest] = wrap(text2, TABLE_WIDTH - headWidth);
  return [
    head + first,
    ...rest.map((line) => " ".repeat(headWidth) + line)
  ];
}
function columns(rows) {
  const shown = rows.filter((row) => row[1] !== void 0);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
function askColumns(rows) {
  if (rows.length === 0) return [
    "  nothing but its own bundle"
  ];
  return columns(rows.map(([name, value]) => [
    name,
    escapeText(value)
  ]));
}
function plural(count2, thing) {
  return `${count2} ${thing}${count2 === 1 ? "" : "s"}`;
}
function table(rows) {
  const widthOf = (column) => Math.max(...rows.map((row) => shownWidth(row[column] ?? "")));
  const widths = rows[0]?.map((_, column) => widthOf(column)) ?? [];
  const pad = (cell, index) => cell + " ".repeat(widths[index] - shownWidth(cell));
  return rows.map((row) => `  ${row.map(pad).join("  ")}`.trimEnd());
}
function section(title, lines, output) {
  return lines.length === 0 ? [] : [
    "",
    output.style("bold", title),
    ...lines
  ];
}
function shownWidth(cell) {
  return [
    ...cell.replace(/\u001b\[\d+m/g, "")
  ].length;
}

// src/cli/shared/read_keys.ts
import { basename } from "node:path";

// src/crypto/sealed_key.ts
var SEALED = {
  label: "SALLYPORT SEALED PRIVATE KEY",
  name: "private key"
};
function isSealedKeyPem(text2) {
  return text2.includes(`-----BEGIN ${SEALED.label}-----`);
}
async function encodeSealedKeyPem(seed, secret, options = {}) {
  if (!(seed instanceof Uint8Array)) throw new TypeError("The private key must be a Uint8Array");
  if (seed.length !== KEY_BYTES) {
    throw new RangeError(`The private key must have ${KEY_BYTES} bytes: received ${seed.length}`);
  }
  const key = await SealingKey.create(secret, options);
  return encodePemBlock(SEALED.label, key.seal(seed, "private-key"));
}
async function decodeSealedKeyPem(text2, secret) {
  const bytes = decodePemBlock(SEALED, text2);
  const { plaintext } = await openSealed(bytes, secret, "private-key");
  if (plaintext.length === KEY_BYTES) return plaintext;
  throw new ContentError("Cannot read private key", "it does not hold 32 bytes", {
    hint: "Make a new key with `keygen`",
    details: {
      reason: "damaged"
    }
  });
}

// src/cli/shared/files.ts
function cannotWrite(path2, cause, existsHint) {
  const exists2 = cause instanceof Deno.errors.AlreadyExists;
  const reason = exists2 ? "it exists" : readThrown(cause).message;
  const code = exists2 ? "bad-state" : "bad-config";
  return new SallyportError(code, `Cannot write "${path2}": ${reason}`, {
    hint: exists2 ? existsHint : "Check the folder, and that you may write there",
    details: {
      path: path2
    },
    cause
  });
}
async function warnIfOpenToOthers(path2, what, output) {
  const info = await Deno.stat(path2).catch(() => void 0);
  if (!info?.isFile) return;
  if (info.mode === null || (info.mode & 63) === 0) return warnIfChangeable(path2, what, output);
  const mode = (info.mode & 511).toString(8).padStart(4, "0");
  output.warn(`others may use ${what} "${path2}" (mode ${mode}): run chmod 600 on it`);
}
function warnIfChangeable(path2, what, output) {
  const open = findOpenToOthers(path2);
  if (open === void 0) return;
  output.warn(`others may change ${what}: ${open.who} may write "${open.path}" (mode ${open.mode}): run ${remedyFor(open)} on that`);
}

// src/cli/terminal/prompt.ts
var MIN_PASSPHRASE_CHARACTERS = 8;
var MAX_TRIES = 3;
var MAX_LINE_BYTES = 4096;
var MAX_TYPED_BYTES = 16 * MAX_LINE_BYTES;
var INTERRUPTED_HINT = "Nothing was changed";
var CTRL_C = 3;
var CTRL_D = 4;
var BACKSPACE = 8;
var NEWLINE = 10;
var RETURN = 13;
var CTRL_U = 21;
var DELETE = 127;
var SEQUENCE = /\u001b(?:\[[\u0020-\u003f]*[@-~]|O[@-~])?/g;
var Prompter = class {
  #terminal;
  #write;
  #ahead = new Uint8Array();
  constructor(terminal, io) {
    this.#terminal = terminal;
    this.#write = (text2) => io.writeErr(text2);
  }
  async passphrase(what) {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text2 = await this.#secret(`Enter ${escapeText(what)}: `);
      if (text2 !== void 0 && text2 !== "") return text2;
    }
    throw noPassphrase(what);
  }
  async newPassphrase(what) {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text2 = await this.#secret(`Choose ${escapeText(what)} (at least ${MIN_PASSPHRASE_CHARACTERS} characters): `);
      if (text2 === void 0) continue;
      if ([
        ...text2
      ].length < MIN_PASSPHRASE_CHARACTERS) {
        this.#write(`That has fewer than ${MIN_PASSPHRASE_CHARACTERS} characters
`);
        continue;
      }
      if (await this.#secret("Enter it again: ") === text2) return text2;
      this.#write("The two are not the same\n");
    }
    throw noPassphrase(what);
  }
  async confirm(question) {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#line(`${escapeText(question)}? [y/N] `, true);
      if (answer !== void 0 && /^y(?:es)?$/i.test(answer.trim())) return true;
      if (answer !== void 0 && /^(?:no?)?$/i.test(answer.trim())) return false;
      this.#write('Answer "y" or "n"\n');
    }
    return false;
  }
  /** Says why a try failed before the next one. */
  say(text2) {
    this.#write(`${escapeText(text2)}
`);
  }
  async #secret(question) {
    const text2 = await this.#line(question, false);
    if (text2 === void 0) this.#write("That cannot be used: it is not UTF-8, or too long\n");
    return text2;
  }
  #line(question, echo) {
    return this.#terminal.raw(async (read) => {
      this.#write(question);
      const typed = [];
      let shown = "";
      try {
        for (; ; ) {
          const keys = this.#ahead.length > 0 ? this.#ahead : await read();
          if (keys === null) throw new InterruptedError(INTERRUPTED_HINT);
          for (const [index, key] of keys.entries()) {
            this.#ahead = keys.slice(index + 1);
            if (key === RETURN || key === NEWLINE) {
              if (echo) this.#redraw(shown, escapeText(textOf(typed) ?? "", 100));
              return textOf(typed);
            }
            if (key === CTRL_C || key === CTRL_D && lineOf(typed).length === 0) {
              throw new InterruptedError(INTERRUPTED_HINT);
            }
            if (typed.length <= MAX_TYPED_BYTES) typed.push(key);
          }
          if (echo) shown = this.#redraw(shown, escapeText(textOf(typed) ?? "", 100));
        }
      } finally {
        this.#write("\n");
      }
    });
  }
  #redraw(before, after) {
    if (after !== before) this.#write(`${"\b \b".repeat([
      ...before
    ].length)}${after}`);
    return after;
  }
};
function lineOf(typed) {
  const line = [];
  for (const key of typed.map((byte) => String.fromCharCode(byte)).join("").replace(SEQUENCE, "")) {
    const byte = key.charCodeAt(0);
    if (byte === CTRL_U) line.length = 0;
    else if (byte === BACKSPACE || byte === DELETE) {
      for (let last = line.pop(); last !== void 0 && (last & 192) === 128; ) last = line.pop();
    } else if (byte >= 32) line.push(byte);
  }
  return line;
}
function textOf(typed) {
  const line = lineOf(typed);
  if (line.length > MAX_LINE_BYTES || typed.length > MAX_TYPED_BYTES) return void 0;
  try {
    return new TextDecoder("utf-8", {
      fatal: true,
      ignoreBOM: true
    }).decode(new Uint8Array(line));
  } catch {
    return void 0;
  }
}
function noPassphrase(what) {
  return new SallyportError("bad-config", `Cannot get ${what}: no usable one was entered`, {
    hint: `Enter at most ${MAX_LINE_BYTES} bytes of UTF-8, or pass --passphrase-file`
  });
}

// src/cli/terminal/stdin.ts
var TAKEN = /* @__PURE__ */ new WeakMap();
async function readStdin(io, what, maxBytes) {
  const other = TAKEN.get(io);
  if (other !== void 0) {
    throw new UsageError(`Cannot read ${what} from stdin: it has ${other}`, "Use - for one of them, and a file for the other");
  }
  TAKEN.set(io, what);
  const chunks = [];
  let size = 0;
  let reason;
  try {
    for await (const chunk of io.stdin()) {
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
    if (size > maxBytes) reason = `it is larger than ${maxBytes} bytes`;
  } catch (cause) {
    reason = cause.message;
  }
  if (reason === void 0) {
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }
  throw new SallyportError("bad-config", `Cannot read ${what} from stdin: ${reason}`, {
    hint: `Write ${what} to stdin and end it`
  });
}

// src/cli/shared/secrets.ts
var KEY_BYTES2 = 32;
var SECRET_OPTIONS = "--passphrase-file or --key-file";
function addSecretOptions(command, whose) {
  return command.option("--passphrase-file <file>", `the file with ${whose} passphrase, - for stdin (none: asked for)`).option("--key-file <file>", `the file with ${whose} key of 32 bytes, where it has no passphrase`);
}
async function readSecretFile({ passphraseFile, keyFile }, context) {
  if (passphraseFile !== void 0 && keyFile !== void 0) throw tooMany();
  if (passphraseFile !== void 0) {
    return {
      passphrase: await readPassphrase(passphraseFile, context)
    };
  }
  if (keyFile === void 0) return void 0;
  const key = await readKeyFile(keyFile);
  await warnIfOpenToOthers(keyFile, "the key file", context.output);
  return {
    key
  };
}
async function readPassphrase(path2, { io, output }) {
  if (path2 === "-") {
    return passphraseOf(await readStdin(io, "the passphrase", MAX_PASSPHRASE_FILE_BYTES), path2);
  }
  const passphrase = await readPassphraseFile(path2);
  await warnIfOpenToOthers(path2, "the passphrase file", output);
  return passphrase;
}
async function askPassphrase({ prompter }, what, option = SECRET_OPTIONS) {
  if (prompter === void 0) throw cannotAsk(what, option);
  return await prompter.passphrase(`the passphrase of ${what}`);
}
async function openByPrompt(context, what, open, option) {
  for (let tries = 1; ; tries++) {
    const passphrase = await askPassphrase(context, what, option);
    try {
      return await open(passphrase);
    } catch (error) {
      if (!isWrongPassphrase(error) || tries >= MAX_TRIES) throw error;
      context.prompter?.say("That is not its passphrase");
    }
  }
}
function isWrongPassphrase(error) {
  return error instanceof SallyportError && error.details.reason === "wrong-passphrase";
}
async function readNewSecret({ passphraseFile, keyFile, newKeyFile }, context, what, option = SECRET_OPTIONS) {
  if (newKeyFile !== void 0) {
    if (passphraseFile !== void 0 || keyFile !== void 0) throw tooMany();
    return {
      key: await makeKeyFile(newKeyFile)
    };
  }
  const secret = await readSecretFile({
    passphraseFile,
    keyFile
  }, context);
  if (secret === void 0) {
    if (context.prompter === void 0) throw cannotAsk(what, option);
    return {
      passphrase: await context.prompter.newPassphrase(`a passphrase for ${what}`)
    };
  }
  if ("key" in secret || [
    ...secret.passphrase
  ].length >= MIN_PASSPHRASE_CHARACTERS) return secret;
  const message = `Cannot use the passphrase in "${passphraseFile}": it has fewer than ${MIN_PASSPHRASE_CHARACTERS} characters`;
  throw new SallyportError("bad-config", message, {
    hint: "Choose a longer one, such as five random words",
    details: {
      path: passphraseFile
    }
  });
}
function secretWords({ passphraseFile, keyFile }) {
  const named2 = (path2) => path2 === "-" || /^\/(?:dev|proc)\//.test(path2) ? "FILE" : path2;
  if (keyFile !== void 0) return [
    "--key-file",
    named2(keyFile)
  ];
  return passphraseFile === void 0 ? [] : [
    "--passphrase-file",
    named2(passphraseFile)
  ];
}
async function makeKeyFile(path2) {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES2));
  try {
    await writeNewFile(path2, key, {
      mode: 384
    });
  } catch (cause) {
    const hint = "Name a new file: a key that is there may open something else";
    throw cannotWrite(path2, cause, hint);
  }
  return key;
}
function tooMany() {
  return new UsageError("Cannot take a passphrase and a key, or two keys", "Pass one of --passphrase-file and --key-file (or --new-key-file)");
}
function cannotAsk(what, option) {
  return new UsageError(`Cannot ask for the passphrase of ${what}: this is not a terminal`, `Pass ${option}`);
}

// src/cli/shared/read_keys.ts
var MAX_KEY_FILE_BYTES = 4096;
async function readPublicKey(text2) {
  if (/^[0-9a-f]{64}$/i.test(text2)) return {
    hex: encodeHex(parsePublicKey(text2).raw)
  };
  const content = await readSmallFile(text2, MAX_KEY_FILE_BYTES, "the public key");
  const name = basename(text2, ".pub");
  return {
    hex: encodeHex(parsePublicKey(content, name).raw),
    name
  };
}
async function readPrivateKeys(paths, passphraseFiles, option, context) {
  const passphrases = [];
  for (const path2 of passphraseFiles) passphrases.push(await readPassphrase(path2, context));
  const seeds = [];
  for (const path2 of paths) {
    const text2 = await readSmallFile(path2, MAX_KEY_FILE_BYTES, "the private key");
    try {
      seeds.push(isSealedKeyPem(text2) ? await openSealed2(text2, path2, passphrases, option, context) : decodePrivateKeyPem(text2));
    } catch (error) {
      throw error instanceof ContentError ? error.about("Cannot read the private key", path2) : error;
    }
    await warnIfOpenToOthers(path2, "the private key", context.output);
  }
  return seeds;
}
async function openSealed2(text2, path2, passphrases, option, context) {
  const open = (passphrase) => decodeSealedKeyPem(text2, {
    passphrase
  });
  for (const [index, passphrase] of passphrases.entries()) {
    try {
      return await open(passphrase);
    } catch (error) {
      if (!isWrongPassphrase(error) || index === passphrases.length - 1) throw error;
    }
  }
  return await openByPrompt(context, `"${path2}"`, open, option);
}

// src/cli/audit/verify.ts
var MAX_SHOWN = 50;
var MAX_NOTE = 1e3;
function addAuditVerify(audit, context) {
  audit.command("verify").description("find what was edited, removed, reordered or cut off; exit 1 with where if so").argument("<dir>", "the data folder of a host, or its audit folder").option("--key <pub>", "the log's public key, kept elsewhere: a file or 64 hex digits").action((dir, options) => verify(dir, options, context));
}
async function verify(dir, { key }, { output }) {
  const folder = await findAuditFolder(dir);
  const pinned = key === void 0 ? {} : {
    publicKey: decodeHex((await readPublicKey(key)).hex)
  };
  const report = await verifyAuditLog(folder, pinned);
  output.result(report, () => reportLines(report, output));
  if (!report.ok) throw new BadFindings();
}
function reportLines(report, output) {
  const { dir, keyId: keyId2 = "none", pinned, chains, notes: notes2, problems, limits } = report;
  const lines = [
    output.style("bold", escapeText(dir)),
    ...columns([
      [
        "key",
        pinned ? keyId2 : `${keyId2}, the one beside the log`
      ]
    ]),
    ...noteLines(notes2, output),
    ...chains.flatMap((chain) => [
      "",
      ...chainLines(chain, output)
    ]),
    ""
  ];
  if (report.ok) {
    const found = plural(chains.reduce((sum, chain) => sum + chain.lines, 0), "line");
    lines.push(`${output.style("green", "Nothing is wrong")} in ${found}`);
  } else {
    const count2 = problems.length + chains.reduce((sum, chain) => sum + chain.problemCount - chain.problems.length, 0);
    lines.push(`${output.style("red", plural(count2, "problem"))}:`);
    for (const { chain, kind, message } of problems.slice(0, MAX_SHOWN)) {
      const where = chain === 0 ? "" : `chain ${chain}: `;
      lines.push(`  ${where}${output.style("red", kind)}: ${escapeText(message)}`);
    }
    if (count2 > MAX_SHOWN) lines.push(`  and ${count2 - MAX_SHOWN} more`);
  }
  lines.push("", "What this cannot find:", ...limits.map((limit) => `  - ${limit}`));
  return lines;
}
function chainLines(chain, output) {
  const { files, fromSeq, toSeq, from, to, signedSeq, closed, retainedFrom, keyIds } = chain;
  const span = toSeq === 0 ? "no lines" : `lines ${fromSeq} to ${toSeq}`;
  const ends = files.length > 1 ? `${files[0]} to ${files.at(-1)}` : files[0];
  const unsigned = toSeq - signedSeq;
  return [
    output.style("bold", `Chain ${chain.chain}`) + `  ${span}`,
    ...columns([
      [
        "files",
        ends
      ],
      [
        "from",
        from
      ],
      [
        "to",
        to
      ],
      [
        "signed",
        signedSeq === 0 ? "nothing" : `up to line ${signedSeq}`
      ],
      [
        "unsigned",
        unsigned > 0 ? `${plural(unsigned, "line")} at the end` : void 0
      ],
      [
        "open",
        closed || toSeq === 0 ? void 0 : "a host writes to it, or was killed"
      ],
      [
        "signed by",
        keyIds.map((id) => escapeText(id, 64)).join(", ") || void 0
      ],
      [
        "removed",
        retainedFrom === void 0 ? void 0 : `by retention, as recorded: what is before line ${retainedFrom}`
      ]
    ]),
    ...noteLines(chain.notes, output)
  ];
}
function noteLines(notes2, output) {
  return notes2.map((note) => `  ${output.style("yellow", "note")}: ${escapeText(note, MAX_NOTE)}`);
}

// src/cli/audit/command.ts
var HELP = `
DIR is the data folder of a host, or its audit folder. Neither command changes anything, and both
can be used while hosts write.

  sallyport audit verify data --key audit.pub
  sallyport audit show data --plugin word-count --type denied --since 2027-01-31`;
function addAudit(program2, context) {
  const audit = program2.command("audit").description("the audit log: verify, show").addHelpText("after", withProgram(HELP));
  addAuditVerify(audit, context);
  addAuditShow(audit, context);
}

// src/doctor/names.ts
var CONTAINERS = {
  docker: "Docker",
  podman: "Podman",
  kubernetes: "Kubernetes",
  lxc: "LXC",
  container: "a container"
};
var PACKAGERS = [
  [
    "apt",
    "sudo apt install",
    [
      "debian",
      "ubuntu",
      "linuxmint",
      "raspbian",
      "devuan"
    ]
  ],
  [
    "dnf",
    "sudo dnf install",
    [
      "fedora",
      "rhel",
      "centos",
      "rocky",
      "almalinux",
      "ol",
      "amzn"
    ]
  ],
  [
    "yum",
    "sudo yum install",
    []
  ],
  [
    "pacman",
    "sudo pacman -S",
    [
      "arch",
      "manjaro",
      "endeavouros"
    ]
  ],
  [
    "apk",
    "sudo apk add",
    [
      "alpine",
      "postmarketos",
      "wolfi"
    ]
  ],
  [
    "zypper",
    "sudo zypper install",
    [
      "suse",
      "opensuse",
      "sles",
      "opensuse-leap",
      "opensuse-tumbleweed"
    ]
  ],
  [
    "nix",
    "nix profile install",
    [
      "nixos"
    ]
  ],
  [
    "emerge",
    "sudo emerge",
    [
      "gentoo"
    ]
  ],
  [
    "xbps",
    "sudo xbps-install",
    [
      "void"
    ]
  ]
];
function distributionText(system) {
  const { distribution, kernel, arch, container, wsl } = system;
  return [
    distribution?.name ?? "Linux of an unknown distribution",
    ...kernel === void 0 ? [] : [
      `Linux ${kernel}`
    ],
    arch,
    ...wsl === void 0 ? [] : [
      `WSL ${wsl}`
    ],
    ...container === void 0 ? [] : [
      `in ${CONTAINERS[container]}`
    ]
  ].join(", ");
}
function installCommand(program2, { distribution }) {
  if (distribution === void 0) return void 0;
  const { id, like, version } = distribution;
  for (const name of [
    id,
    ...like
  ]) {
    const found = PACKAGERS.find(([, , ids]) => ids.includes(name));
    if (found === void 0) continue;
    const isOld = found[0] === "dnf" && id !== "fedora" && Number.parseInt(version) < 8;
    const [packager, command] = isOld ? PACKAGERS.find(([name2]) => name2 === "yum") : found;
    return `${command} ${packageOf(program2, packager)}`;
  }
  return void 0;
}
function packageOf(program2, packager) {
  if (program2 === "bwrap") {
    if (packager === "nix") return "nixpkgs#bubblewrap";
    return packager === "emerge" ? "sys-apps/bubblewrap" : "bubblewrap";
  }
  if (packager === "apk") return program2 === "setpriv" ? "setpriv" : "util-linux-misc";
  if (packager === "nix") return "nixpkgs#util-linux";
  return packager === "emerge" ? "sys-apps/util-linux" : "util-linux";
}

// src/doctor/types.ts
var NAMESPACES = [
  "user",
  "mount",
  "pid",
  "ipc",
  "uts",
  "net",
  "cgroup"
];
var PROBES_BEFORE_CGROUP = [
  ...NAMESPACES.map((name) => `${name} namespace`),
  ...[
    "private /proc",
    "seccomp",
    "no-new-privs"
  ]
];
var PROBES_AFTER_CGROUP = [
  ...[
    "rlimits",
    "descriptors",
    "dies with host",
    "egress proxy",
    "data folder"
  ]
];
function remedy(what, ...lines) {
  return {
    what,
    lines
  };
}

// src/doctor/container_remedies.ts
function containerRemedy(kind, need, { sysctls, cgroups }) {
  if (need === "cgroup") {
    if (cgroups !== "v1") return CGROUPS[kind];
    return remedy("A cgroup v1 tree cannot be handed to a container safely: boot the machine beneath with cgroup v2 (systemd.unified_cgroup_hierarchy=1). Until then cap the whole container, host and plugins together.", ...kind === "container" ? [] : [
      CAPS[kind]
    ]);
  }
  const { what, lines } = NAMESPACES2[kind];
  if (sysctls.apparmorRestrictsUserns !== 1) return {
    what,
    lines
  };
  return remedy(`${what} The machine beneath restricts user namespaces by AppArmor, too: run doctor there for that.`, ...lines);
}
var CAPS = {
  docker: "docker run --memory 2g --pids-limit 512 --cpus 2 \u2026",
  podman: "podman run --memory 2g --pids-limit 512 --cpus 2 \u2026",
  kubernetes: "resources: { limits: { memory: 2Gi, cpu: 2 } }",
  lxc: "lxc config set <name> limits.memory=2GiB limits.cpu=2 limits.processes=512"
};
var NAMESPACES2 = {
  docker: remedy("Docker's seccomp and AppArmor profiles refuse namespaces and mounts, and its masked /proc forbids a fresh one. Lift these three for this one container and run the host in it as an unprivileged user: its plugins get layers of their own, the host itself has fewer around it. Instead of seccomp=unconfined, Docker's default profile will do with clone, clone3, mount, pivot_root, setns, umount2 and unshare allowed. Neither --privileged nor --cap-add SYS_ADMIN: they hand the container most of the machine.", "docker run --user 10001:10001 --security-opt seccomp=unconfined \\", "  --security-opt apparmor=unconfined --security-opt systempaths=unconfined \u2026"),
  podman: remedy("Podman's seccomp profile refuses namespaces and mounts, and its masked /proc forbids a fresh one. Lift both for this one container: its plugins get layers of their own, the host itself has fewer around it. Where SELinux refuses the mounts, add label=disable. Not --privileged.", "podman run --user 10001:10001 --security-opt seccomp=unconfined \\", "  --security-opt unmask=ALL \u2026"),
  kubernetes: remedy("The runtime's seccomp and AppArmor profiles refuse namespaces and mounts, and its masked /proc forbids a fresh one. Lift them for this one pod, in a user namespace of its own: its plugins get layers of their own, the host itself has fewer around it. Pod Security must allow it in this Kubernetes namespace.", "spec:", "  hostUsers: false", "  containers:", "    - securityContext:", "        runAsNonRoot: true", "        procMount: Unmasked", "        seccompProfile: { type: Unconfined }", "        appArmorProfile: { type: Unconfined }"),
  lxc: remedy("LXC allows namespaces in namespaces only where nesting is on.", "lxc config set <name> security.nesting=true", "lxc restart <name>"),
  container: remedy("What contains this host refuses namespaces or mounts: allow clone, clone3, mount, pivot_root, setns, umount2 and unshare in its system call filter, and leave /proc unmasked. Not by privileges: user namespaces need none.")
};
var CGROUPS = {
  docker: remedy("Docker mounts the cgroup tree read-only. Docker 28 and later can leave it writable (its files are root's: give /sys/fs/cgroup to the host's user where that is another). Before, cap the whole container, host and plugins together.", "docker run --cgroupns private --security-opt writable-cgroups=true \u2026", CAPS.docker),
  podman: remedy("Podman mounts the cgroup tree read-only. Unmask it, in a cgroup namespace of its own (its files are root's: give /sys/fs/cgroup to the host's user where that is another).", "podman run --cgroupns private --security-opt unmask=/sys/fs/cgroup \u2026"),
  kubernetes: remedy("The runtime mounts the cgroup tree read-only. containerd 2.1 and later can leave it writable for a runtime class of your own (cgroup_writable). Else cap the whole pod, host and plugins together.", CAPS.kubernetes),
  lxc: remedy("LXC hands its cgroup tree to the container's root: run the host as that, or under the container's own systemd in a unit with Delegate=yes. Else cap the whole container.", CAPS.lxc),
  container: remedy("What contains this host gives it no cgroup tree that it may write: mount it writable, or cap the whole container, host and plugins together.")
};

// src/doctor/cgroup_remedies.ts
function cgroupRemedy(layer, facts) {
  const { system, cgroup, host } = facts;
  if (layer !== "cgroup" && cgroup.probe.state !== "works") return void 0;
  if (system.container !== void 0 && layer === "cgroup") {
    return containerRemedy(system.container, "cgroup", system);
  }
  if (layer !== "cgroup") return controllerRemedy(layer, facts);
  if (system.wsl === 2 && (system.cgroups !== "v2" || !system.systemd)) return WSL_2;
  if (system.cgroups === "none") return system.systemd ? UNIFIED : MOUNT;
  if (system.cgroups === "v1" && host.isRoot !== true) return UNIFIED;
  if (!system.systemd) return host.isRoot === true ? MOUNT : OWN_TREE;
  return host.isRoot === true ? ROOT_UNIT : USER_UNIT;
}
function controllerRemedy(layer, { system, cgroup, host }) {
  if (layer === "cgroup swap" && cgroup.facts?.kind === "v1") {
    return kernelOption("swapaccount=1", "This kernel does not count swap: tell it to, or run without.");
  }
  if (layer === "cgroup io" && cgroup.facts?.kind === "v1") {
    return remedy("With cgroup v1 only some schedulers of block devices weigh who reads and writes; the rest of the limits hold. Boot with cgroup v2 to have it.", ...UNIFIED.lines);
  }
  if (system.systemd && host.isRoot !== true) return CONTROLLERS;
  if (layer === "cgroup memory") {
    return kernelOption("cgroup_enable=memory", "This kernel leaves the memory controller off.");
  }
  return remedy("The controller is not handed down to this part of the cgroup tree: enable it above, or the kernel was built without it.", "cat /sys/fs/cgroup/cgroup.controllers", "echo '+cpu +memory +pids +io' | sudo tee /sys/fs/cgroup/cgroup.subtree_control");
}
function kernelOption(option, what) {
  return remedy(`${what} Add it to the kernel's command line, then boot again.`, `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&${option} /' /etc/default/grub`, "sudo grub-mkconfig -o /boot/grub/grub.cfg");
}
var UNIFIED = kernelOption("systemd.unified_cgroup_hierarchy=1", "An unprivileged user can be handed cgroups only with cgroup v2.");
var USER_UNIT = remedy("Start the host in a scope or a unit whose cgroup is handed to it (DelegateSubgroup needs systemd 254; it keeps the host out of the folder in which it makes others). Lingering keeps the user's manager running without a login.", "systemd-run --user --scope -p Delegate=yes -- deno run -A <the host>", "# or in ~/.config/systemd/user/<name>.service:", "[Service]", "Delegate=yes", "DelegateSubgroup=host", "KillMode=mixed", "ExecStart=/usr/bin/deno run -A <the host>", "# and once: sudo loginctl enable-linger <user>");
var ROOT_UNIT = remedy("Start the host in a scope or a unit whose cgroup is handed to it (DelegateSubgroup needs systemd 254); with User= in the unit it need not be root.", "systemd-run --scope -p Delegate=yes -- deno run -A <the host>", "# or in /etc/systemd/system/<name>.service:", "[Service]", "User=sallyport", "Delegate=yes", "DelegateSubgroup=host", "KillMode=mixed", "ExecStart=/usr/bin/deno run -A <the host>");
var CONTROLLERS = remedy("systemd hands only some controllers down to users. Hand down all of them, then log in anew.", "sudo mkdir -p /etc/systemd/system/user@.service.d", "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' |", "  sudo tee /etc/systemd/system/user@.service.d/delegate.conf", "sudo systemctl daemon-reload");
var MOUNT = remedy("Mount the cgroup v2 tree (with OpenRC: rc-update add cgroups, and rc_cgroup_mode=unified in /etc/rc.conf).", "sudo mount -t cgroup2 none /sys/fs/cgroup", "echo '+cpu +memory +pids +io' | sudo tee /sys/fs/cgroup/cgroup.subtree_control");
var OWN_TREE = remedy("Without systemd nobody hands cgroups to users: make a group, give it to the host's user, and start the host in it (as root, before it becomes that user).", "mkdir -p /sys/fs/cgroup/sallyport/host", "echo '+cpu +memory +pids +io' > /sys/fs/cgroup/cgroup.subtree_control", "chown -R <user> /sys/fs/cgroup/sallyport", "echo $$ > /sys/fs/cgroup/sallyport/host/cgroup.procs", "exec setpriv --reuid <user> --regid <user> --init-groups deno run -A <the host>");
var WSL_2 = remedy("Let systemd manage the distribution and leave cgroup v1 out: the first in /etc/wsl.conf, the second in .wslconfig in the Windows home folder; then wsl --shutdown.", "[boot]", "systemd=true", "", "[wsl2]", "kernelCommandLine=cgroup_no_v1=all");

// src/doctor/remedies.ts
function remedyFor2(layer, facts) {
  const { system } = facts;
  if (layer === "deno") return denoRemedy(facts);
  if (layer === "plugin start") return startRemedy(facts);
  if (system.os !== "linux") return layer === "platform" ? OTHER_SYSTEMS[system.os] : void 0;
  if (system.wsl === 1) return layer === "platform" ? WSL_1 : void 0;
  if (layer === "platform") return OTHER_PROCESSOR;
  if (layer === "host permissions") return permissionsRemedy(facts);
  if (layer === "host user") return facts.host.isRoot === true ? userRemedy(system) : void 0;
  const shortage = facts.launchers.bwrap.shortage ?? facts.launchers.unshare.shortage;
  if (shortage !== void 0) return remedy(shortage);
  if (isUnseen(layer, facts)) return permissionsRemedy(facts);
  if (layer === "cgroup" || layer.startsWith("cgroup ") && layer !== "cgroup namespace") {
    return cgroupRemedy(layer, facts);
  }
  if (layer === "bwrap" || layer === "unshare") return launcherRemedy(layer, facts);
  if (layer.endsWith(" namespace") || layer === "private /proc") {
    return namespaceRemedy(layer, facts);
  }
  if (layer === "seccomp") return SECCOMP;
  if (layer === "egress proxy" || layer === "data folder") return DATA_FOLDER;
  return installRemedy("setpriv", "util-linux", system);
}
function denoRemedy({ host }) {
  if ("problem" in host.pluginDeno) return remedy(host.pluginDeno.hint);
  return remedy("Run the host, and plugins, with the version that it is tested with.", `deno upgrade ${NEWEST_TESTED_DENO}`);
}
function startRemedy(facts) {
  if (facts.start.state === "unseen") return permissionsRemedy(facts);
  return remedy("No plugin would run. See first to what else is missing here; if that is nothing, please report it, with what this command prints.");
}
var OTHER_SYSTEMS = {
  darwin: remedy("Run only plugins whose authors you trust; or run the host in a Linux machine or container, where every layer can hold."),
  windows: remedy("Run only plugins whose authors you trust; or run the host under WSL 2, where every layer can hold.", "wsl --install")
};
var WSL_1 = remedy("WSL 1 translates system calls and has no namespaces. Convert the distribution to WSL 2 (in PowerShell).", "wsl --list --verbose", "wsl --set-version <distribution> 2");
var OTHER_PROCESSOR = remedy("System call filters exist for x86_64 and aarch64 only: run the host on one of them.");
var SECCOMP = remedy("The kernel must be built with CONFIG_SECCOMP_FILTER, as every distribution's is; what contains this host (such as gVisor) may not have it.", "grep SECCOMP /boot/config-$(uname -r)");
var DATA_FOLDER = remedy("Give the host a folder of its own on a local disk, with room: as its dataDir, or by TMPDIR. A socket's path has at most 107 bytes: where that is too little, it takes XDG_RUNTIME_DIR or /tmp.", "mkdir -m 700 /var/lib/sallyport");
function isUnseen(layer, { launchers, probes, cgroup }) {
  if (layer === "bwrap" || layer === "unshare") return launchers[layer].state === "unseen";
  if (layer in probes) return probes[layer].state === "unseen";
  return layer.startsWith("cgroup") && cgroup.probe.state === "unseen";
}
function permissionsRemedy({ host }) {
  const { lacks } = host;
  return remedy("Run the host with -A: only --allow-all may read /proc of plugins." + (lacks.length === 0 ? "" : ` Or give it at least what it lacks: ${lacks.join(", ")}.`), "deno run -A <the host>");
}
function userRemedy({ container, systemd }) {
  const what = "Run the host as a user of its own: then what breaks out of every layer is that user, not root.";
  if (container === "kubernetes") {
    return {
      what,
      lines: [
        "securityContext: { runAsNonRoot: true, runAsUser: 10001 }"
      ]
    };
  }
  if (container === "docker" || container === "podman") {
    return {
      what,
      lines: [
        `${container} run --user 10001:10001 \u2026`
      ]
    };
  }
  const make = "useradd --system --create-home --shell /usr/sbin/nologin sallyport";
  return {
    what,
    lines: systemd ? [
      make,
      "loginctl enable-linger sallyport",
      "# and in the host's unit: User=sallyport"
    ] : [
      make,
      "setpriv --reuid sallyport --regid sallyport --init-groups deno run -A <the host>"
    ]
  };
}
function launcherRemedy(layer, facts) {
  const { path: path2 } = facts.launchers[layer];
  if (path2 === void 0) {
    return installRemedy(layer, layer === "bwrap" ? "bubblewrap" : "util-linux", facts.system);
  }
  if (layer === "bwrap" && facts.system.processesOnly) return WHOLE_PROC;
  const { "user namespace": user, "private /proc": proc } = facts.probes;
  if (user.state !== "works" || proc.state !== "works") {
    return namespaceRemedy("user namespace", facts);
  }
  const command = installCommand(layer, facts.system);
  return remedy(`What ${layer} needs of the kernel is there: see its message, or take a newer version.`, ...command === void 0 ? [] : [
    command
  ]);
}
var WHOLE_PROC = remedy("bwrap reads /proc/sys, which is hidden from this host: leave ProcSubset=pid out of its unit, or let plugins run under unshare.", "[Service]", "ProcSubset=all");
function installRemedy(program2, upstream, system) {
  const command = installCommand(program2, system);
  const lines = command === void 0 ? [] : [
    command
  ];
  return {
    what: `Install ${upstream}, which has ${program2}.`,
    lines
  };
}
function namespaceRemedy(layer, facts) {
  const { system, host, launchers } = facts;
  const { sysctls, container } = system;
  if (launchers.bwrap.path === void 0 && launchers.unshare.path === void 0) {
    return installRemedy("bwrap", "bubblewrap", system);
  }
  if (sysctls.unprivilegedUsernsClone === 0 && host.isRoot !== true) {
    return sysctl("kernel.unprivileged_userns_clone", 1, "This kernel lets only root make user namespaces. Let every user: more of the kernel is then within reach of local users, which is what distributions ship by default today.");
  }
  if (sysctls.maxUserNamespaces === 0) {
    return sysctl("user.max_user_namespaces", 15e3, "This machine allows no user namespaces at all, as RHEL 7 does by default. Allow some.");
  }
  if (container !== void 0) return containerRemedy(container, "namespaces", system);
  if (sysctls.apparmorRestrictsUserns === 1 && host.isRoot !== true) return APPARMOR;
  return remedy(layer === "cgroup namespace" ? "The kernel must be 4.6 or later and built with CONFIG_CGROUPS." : "The kernel must be built with CONFIG_USER_NS and the other namespaces, as every distribution's is; a security module (SELinux, AppArmor) may refuse them, and then says so in the kernel's log.", "sudo dmesg | grep -iE 'apparmor|avc|userns|namespace'");
}
function sysctl(name, value, what) {
  return {
    what,
    lines: [
      `echo '${name}=${value}' |`,
      "  sudo tee /etc/sysctl.d/60-user-namespaces.conf",
      "sudo sysctl --system"
    ]
  };
}
var APPARMOR = remedy("Ubuntu 23.10 and later let only programs with an AppArmor profile use user namespaces. Give bwrap such a profile: every local user can then use them through bwrap, but through nothing else. (The other way opens them to every program, which is what the restriction is against: sysctl kernel.apparmor_restrict_unprivileged_userns=0.)", "# /etc/apparmor.d/bwrap", "abi <abi/4.0>,", "include <tunables/global>", "profile bwrap /usr/bin/bwrap flags=(unconfined) {", "  userns,", "  include if exists <local/bwrap>", "}", "", "sudo apparmor_parser --replace /etc/apparmor.d/bwrap");

// src/doctor/diagnosis.ts
var FILTER_ARCHS = [
  "x86_64",
  "aarch64"
];
var SYSTEM_NAMES = {
  darwin: "macOS",
  windows: "Windows"
};
var CGROUP_LAYERS = [
  "memory",
  "swap",
  "cpu",
  "pids",
  "io"
];
function diagnose(facts) {
  const drafts = [
    platformLayer(facts),
    denoLayer(facts),
    permissionsLayer(facts),
    userLayer(facts),
    launcherLayer("bwrap", facts),
    launcherLayer("unshare", facts),
    probeLayer("plugin start", facts.start),
    ...PROBES_BEFORE_CGROUP.map((name) => probeLayer(name, facts.probes[name])),
    ...cgroupLayers(facts),
    ...PROBES_AFTER_CGROUP.map((name) => probeLayer(name, facts.probes[name]))
  ];
  const missing = drafts.filter(({ status, unseen: unseen2 }) => status === "no" || unseen2).map(({ name }) => name);
  const { launcher } = facts.choice;
  return {
    layers: drafts.map(({ name, status, detail }) => {
      const remedy2 = status === "ok" ? void 0 : remedyFor2(name, facts);
      return {
        name,
        status,
        detail,
        ...remedy2 === void 0 ? {} : {
          remedy: remedy2
        }
      };
    }),
    choice: facts.choice,
    missing,
    complete: missing.length === 0 && launcher !== void 0 && launcher !== "plain"
  };
}
function platformLayer({ system }) {
  const { os, arch, wsl } = system;
  const layer = (status, detail2) => ({
    name: "platform",
    status,
    detail: detail2
  });
  if (os !== "linux") {
    const called = SYSTEM_NAMES[os] ?? os;
    return layer("no", `${called}: only Deno's flags, signatures and protocol checks hold here`);
  }
  const detail = distributionText(system);
  if (wsl === 1) return layer("no", `${detail}: no Linux kernel, so nothing but Deno's flags`);
  return FILTER_ARCHS.includes(arch) ? layer("ok", detail) : layer("no", `${detail}: no system call filter for this processor`);
}
function denoLayer({ host }) {
  const { deno, pluginDeno } = host;
  const name = "deno";
  const problem = denoProblem(deno);
  if (problem !== void 0) return {
    name,
    status: "no",
    detail: `Sallyport ${problem}`
  };
  if ("problem" in pluginDeno) return {
    name,
    status: "no",
    detail: pluginDeno.problem
  };
  const { path: path2, version } = pluginDeno;
  const untested = untestedDeno(deno) ?? untestedDeno(version);
  if (untested !== void 0) return {
    name,
    status: "warn",
    detail: untested
  };
  return {
    name,
    status: "ok",
    detail: version === deno ? deno : `${deno}; plugins: ${version}, ${path2}`
  };
}
function permissionsLayer({ host, system }) {
  const name = "host permissions";
  const { lacks, mayRun, mayNotRun, readsProc } = host;
  const programs = mayRun.length === 0 ? "none of the launchers' programs" : mayRun.join(", ");
  const proc = readsProc ? "reads /proc" : "may not read /proc of plugins, so that what is in force is taken on trust";
  if (lacks.length === 0 && readsProc) {
    const detail = system.os === "linux" ? `all: ${proc}, may run ${programs}` : "all";
    return {
      name,
      status: "ok",
      detail
    };
  }
  const partly = lacks.length === 0 ? "" : `not all of ${lacks.join(", ")}; `;
  const denied = mayNotRun.length === 0 ? "" : `, not ${mayNotRun.join(", ")}`;
  return {
    name,
    status: "warn",
    detail: `${partly}may run ${programs}${denied}; ${proc}`
  };
}
function userLayer({ host, system }) {
  const name = "host user";
  if (host.isRoot === true) {
    const detail = "root: what breaks out of every layer is root on this machine";
    return {
      name,
      status: "warn",
      detail
    };
  }
  if (host.isRoot === false) return {
    name,
    status: "ok",
    detail: "unprivileged"
  };
  const why = system.os === "windows" ? "Windows has no user ids" : "needs --allow-sys=uid";
  return {
    name,
    status: "warn",
    detail: `not seen: ${why}`
  };
}
function launcherLayer(name, facts) {
  const probe = facts.launchers[name];
  const { mode } = facts.choice;
  const other = name === "bwrap" ? "unshare" : "bwrap";
  if (probe.state === "works") return {
    name,
    status: "ok",
    detail: probe.detail
  };
  const seen = probe.state === "unseen" ? `not seen: ${probe.detail}` : probe.detail;
  const dispensable = mode !== name && facts.launchers[other].state === "works" && mode !== "plain";
  if (dispensable) {
    return {
      name,
      status: "warn",
      detail: `${seen}; plugins run under ${other} without it`
    };
  }
  return {
    name,
    status: "no",
    detail: seen
  };
}
function probeLayer(name, { state, detail }) {
  if (state === "works") return {
    name,
    status: "ok",
    detail
  };
  if (state === "unseen") {
    return {
      name,
      status: "warn",
      detail: `not seen: ${detail}`,
      unseen: true
    };
  }
  return {
    name,
    status: "no",
    detail
  };
}
function cgroupLayers({ cgroup }) {
  const { probe, facts } = cgroup;
  const unseen2 = probe.state === "unseen";
  const detail = unseen2 ? `not seen: ${probe.detail}` : probe.detail;
  const status = probe.state === "works" ? "ok" : unseen2 ? "warn" : "no";
  const whole = {
    name: "cgroup",
    status,
    detail,
    unseen: unseen2
  };
  if (facts === void 0) {
    const all = status === "ok" ? {
      status: "warn",
      detail: "its limits could not be read",
      unseen: true
    } : {
      status,
      detail,
      unseen: unseen2
    };
    return [
      whole,
      ...CGROUP_LAYERS.map((layer) => ({
        name: `cgroup ${layer}`,
        ...all
      }))
    ];
  }
  const { memoryBytes, swapLimited, cpuPercent, tasks, ioWeight } = facts;
  const tried = (value, unit) => value && `capped (tried: ${value}${unit})`;
  const found = {
    memory: tried(memoryBytes && Math.round(memoryBytes / 2 ** 20), " MiB"),
    swap: swapLimited ? "counts against that cap" : void 0,
    cpu: tried(cpuPercent, " % of one core"),
    pids: tried(tasks, " tasks"),
    io: ioWeight && `weighed (tried: ${ioWeight})`
  };
  return [
    whole,
    ...CGROUP_LAYERS.map((layer) => {
      const open = layer === "swap" || layer === "io" ? "warn" : "no";
      const without = layer === "io" ? "not weighed: a plugin that writes a lot slows others" : "not capped";
      const detail2 = found[layer];
      return {
        name: `cgroup ${layer}`,
        status: detail2 ? "ok" : open,
        detail: detail2 || without
      };
    })
  ];
}

// src/doctor/facts.ts
import { isAbsolute } from "node:path";

// src/doctor/data_folder.ts
import fs2 from "node:fs/promises";
import { dirname } from "node:path";

// src/doctor/run.ts
var MAX_WHY = 160;
async function runProgram([program2 = "", ...args], { env = {}, timeoutMs, onOutput = () => {
} } = {}) {
  const { ok, status, stdout, stderr, unsure } = await runBounded(program2, args, env, timeoutMs, onOutput);
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const why = escapeText(last || (unsure?.message ?? `ended with status ${status}`), MAX_WHY);
  return {
    ok: ok && unsure === void 0,
    out: stdout.trim(),
    why,
    ran: status !== void 0
  };
}

// src/doctor/system.ts
var LAUNCHER_PROGRAMS = [
  "sh",
  "bwrap",
  "unshare",
  "setpriv",
  "systemd-run"
];
var FOLDERS = "/usr/bin /bin /usr/sbin /sbin /usr/local/bin /run/current-system/sw/bin".split(" ");
var FAMILIES = [
  "read",
  "write",
  "net",
  "sys",
  "run"
];
var MAX_BYTES = 64 * 1024;
function readSystem() {
  const release = readSmall("/proc/sys/kernel/osrelease")?.trim() || (granted({
    name: "sys",
    kind: "osRelease"
  }) ? Deno.osRelease() : void 0);
  const [os, arch] = [
    Deno.build.os,
    Deno.build.arch
  ];
  const restricts = readNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  const clone = readNumber("/proc/sys/kernel/unprivileged_userns_clone");
  const most = readNumber("/proc/sys/user/max_user_namespaces");
  return {
    os,
    arch,
    kernel: release,
    distribution: os === "linux" ? readDistribution() : void 0,
    wsl: wslVersion(release),
    container: os === "linux" ? readContainer() : void 0,
    sysctls: {
      ...restricts === void 0 ? {} : {
        apparmorRestrictsUserns: restricts
      },
      ...clone === void 0 ? {} : {
        unprivilegedUsernsClone: clone
      },
      ...most === void 0 ? {} : {
        maxUserNamespaces: most
      }
    },
    ...os === "linux" && exists("/proc/self/status") && !exists("/proc/sys") ? {
      processesOnly: true
    } : {},
    systemd: exists("/run/systemd/system"),
    cgroups: readCgroupMounts()
  };
}
function readHost(programs) {
  const there = LAUNCHER_PROGRAMS.filter((name) => programs[name].path !== void 0);
  return {
    deno: Deno.version.deno,
    isRoot: hostIsRoot(),
    lacks: FAMILIES.filter((name) => !granted({
      name
    })).map((name) => `--allow-${name}`),
    // its own: with hidepid others of this user can be read, and none of another's
    readsProc: Deno.build.os !== "linux" || readSmall(`/proc/${Deno.pid}/status`) !== void 0,
    mayRun: there.filter((name) => programs[name].mayRun),
    mayNotRun: there.filter((name) => !programs[name].mayRun)
  };
}
function findPrograms() {
  const maySee = granted({
    name: "read",
    path: "/usr/bin"
  });
  const found = LAUNCHER_PROGRAMS.map((name) => {
    const usual = FOLDERS.map((folder) => `${folder}/${name}`);
    const there = maySee ? usual.filter(exists) : usual.slice(0, 2);
    const runnable = there.find((path2) => granted({
      name: "run",
      command: path2
    }));
    return [
      name,
      {
        path: runnable ?? there[0],
        mayRun: runnable !== void 0
      }
    ];
  });
  return Object.fromEntries(found);
}
function hostIsRoot() {
  if (!granted({
    name: "sys",
    kind: "uid"
  })) return void 0;
  const uid = Deno.uid();
  return uid === null ? void 0 : uid === 0;
}
function granted(permission) {
  return Deno.permissions.querySync(permission).state === "granted";
}
function readDistribution() {
  const text2 = readSmall("/etc/os-release") ?? readSmall("/usr/lib/os-release");
  if (text2 === void 0) return void 0;
  const fields = /* @__PURE__ */ new Map();
  for (const [, key = "", value = ""] of text2.matchAll(/^([A-Z_]+)=(.*)$/gm)) {
    fields.set(key, value.trim().replace(/^(["'])(.*)\1$/, "$2"));
  }
  const id = fields.get("ID") ?? "linux";
  return {
    id,
    like: (fields.get("ID_LIKE") ?? "").split(" ").filter((name) => name !== ""),
    name: (fields.get("PRETTY_NAME") ?? fields.get("NAME") ?? id).slice(0, 100),
    version: fields.get("VERSION_ID") ?? ""
  };
}
function wslVersion(release) {
  if (release === void 0 || !/microsoft/i.test(release)) return void 0;
  return /WSL2|microsoft-standard/.test(release) ? 2 : 1;
}
function readContainer() {
  if (exists("/var/run/secrets/kubernetes.io/serviceaccount")) return "kubernetes";
  const paths = `${readSmall("/proc/self/cgroup") ?? ""}${readSmall("/proc/1/cgroup") ?? ""}`;
  if (paths.includes("kubepods")) return "kubernetes";
  if (exists("/run/.containerenv") || paths.includes("libpod")) return "podman";
  if (exists("/.dockerenv") || paths.includes("/docker")) return "docker";
  const manager = readSmall("/run/systemd/container")?.trim();
  if (manager === "lxc" || exists("/dev/lxd/sock") || paths.includes("/lxc")) return "lxc";
  if (manager === "podman" || manager === "docker") return manager;
  return manager !== void 0 && manager !== "" && manager !== "wsl" ? "container" : void 0;
}
function readCgroupMounts() {
  const mounts = readSmall("/proc/self/mounts");
  if (mounts === void 0) return void 0;
  const kinds = new Set(mounts.split("\n").map((line) => line.split(" ")[2]));
  return kinds.has("cgroup") ? "v1" : kinds.has("cgroup2") ? "v2" : "none";
}
function readNumber(path2) {
  const text2 = readSmall(path2)?.trim();
  return text2 !== void 0 && /^\d+$/.test(text2) ? Number(text2) : void 0;
}
function readSmall(path2) {
  if (!granted({
    name: "read",
    path: path2
  })) return void 0;
  try {
    return Deno.readTextFileSync(path2).slice(0, MAX_BYTES);
  } catch {
    return void 0;
  }
}
function exists(path2) {
  if (!granted({
    name: "read",
    path: path2
  })) return false;
  try {
    Deno.statSync(path2);
    return true;
  } catch {
    return false;
  }
}

// src/doctor/probes.ts
var NAMESPACES3 = {
  user: {
    link: "user",
    bwrap: [],
    unshare: []
  },
  mount: {
    link: "mnt",
    bwrap: [],
    unshare: [
      "--mount"
    ]
  },
  pid: {
    link: "pid",
    bwrap: [
      "--unshare-pid"
    ],
    unshare: [
      "--pid",
      "--fork",
      "--kill-child"
    ]
  },
  ipc: {
    link: "ipc",
    bwrap: [
      "--unshare-ipc"
    ],
    unshare: [
      "--ipc"
    ]
  },
  uts: {
    link: "uts",
    bwrap: [
      "--unshare-uts"
    ],
    unshare: [
      "--uts"
    ]
  },
  net: {
    link: "net",
    bwrap: [
      "--unshare-net"
    ],
    unshare: [
      "--net"
    ]
  },
  cgroup: {
    link: "cgroup",
    bwrap: [
      "--unshare-cgroup"
    ],
    unshare: [
      "--cgroup"
    ]
  }
};
var NO_NEW_PRIVS = 'while read -r key value; do case $key in NoNewPrivs:) echo "$value";; esac; done </proc/self/status';
var ONE_DESCRIPTOR = "{ cat /dev/null && echo open || echo refused; }";
var MANY_PROCESSES = 5;
var OUTLIVES_MS = 4e3;
async function probeNamespace(name, tools) {
  const { link } = NAMESPACES3[name];
  const script = `readlink /proc/self/ns/${link}`;
  const { outside, inside } = await compare(script, NAMESPACES3[name][tools.via], tools);
  if (!outside.ok) {
    return fails(outside.ran ? `this kernel has no ${name} namespaces` : outside.why);
  }
  if (!inside.ok) return fails(inside.why);
  return inside.out !== "" && inside.out !== outside.out ? works(`one of its own, by ${tools.via}`) : fails(`${tools.via} ran, but in the host's own`);
}
async function probeProc(tools) {
  const { inside, outside } = await compare("cd /proc && set -- [0-9]* && echo $#", tools.via === "bwrap" ? [
    "--unshare-pid",
    "--proc",
    "/proc"
  ] : [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc"
  ], tools);
  if (!inside.ok) return fails(inside.why);
  return Number(inside.out) < MANY_PROCESSES ? works(`shows ${inside.out} processes; the host sees ${outside.out}`) : fails(`shows ${inside.out} processes, as the host's does`);
}
async function probeNoNewPrivs({ programs, via }) {
  const shell = shellOf(programs);
  const { path: path2 } = programs.setpriv;
  const command = via === "bwrap" && programs.bwrap.path !== void 0 ? [
    programs.bwrap.path,
    "--ro-bind",
    "/",
    "/",
    "--unshare-user",
    ...shell,
    NO_NEW_PRIVS
  ] : path2 === void 0 ? void 0 : [
    path2,
    "--no-new-privs",
    "--",
    ...shell,
    NO_NEW_PRIVS
  ];
  if (command === void 0) return fails("no setpriv");
  const { ok, out, why } = await runProgram(command);
  if (!ok) return fails(why);
  return out === "1" ? works("set, and kept") : fails("asked for, but not set");
}
async function probeRlimits({ programs }) {
  const shell = shellOf(programs);
  const free = await runProgram([
    ...shell,
    ONE_DESCRIPTOR
  ]);
  if (free.out !== "open") return fails(free.ok ? "the control failed" : free.why);
  const held = await runProgram([
    ...shell,
    `exec 2>/dev/null; ulimit -c 0 && ulimit -f 64 && ulimit -n 3 && ${ONE_DESCRIPTOR}`
  ]);
  if (!held.ok) return fails("the shell cannot set them");
  return held.out === "refused" ? works("a descriptor above the limit is refused") : fails("a descriptor above the limit can be opened");
}
async function probeDiesWithHost({ programs, via }) {
  const shell = shellOf(programs);
  const bwrap = via === "bwrap" ? programs.bwrap.path : void 0;
  const setpriv = programs.setpriv.path;
  const holder = bwrap !== void 0 ? [
    bwrap,
    "--ro-bind",
    "/",
    "/",
    "--unshare-user",
    "--unshare-pid",
    "--die-with-parent"
  ] : setpriv !== void 0 ? [
    setpriv,
    "--pdeathsig",
    "KILL",
    "--"
  ] : void 0;
  if (holder === void 0) return fails("no setpriv: in a busy loop it outlives a killed host");
  const began = Date.now();
  let killed = false;
  const inner = [
    ...holder,
    ...shell,
    "echo up; read line"
  ];
  const { out, why } = await runProgram([
    ...shell,
    'exec 3<&0; "$@" <&3 3<&- & wait',
    "sh",
    ...inner
  ], {
    timeoutMs: OUTLIVES_MS,
    onOutput(_text, child) {
      killed = true;
      kill(child);
    }
  });
  if (!killed) return fails(out === "" ? why : "the control did not start");
  const lasted = Date.now() - began;
  return lasted < OUTLIVES_MS - 500 ? works(`by ${bwrap === void 0 ? "setpriv" : "bwrap"}: ended with the process that started it`) : fails("it outlives the process that started it");
}
async function probeEgress(folder) {
  if (!granted({
    name: "net"
  })) return unseen("needs --allow-net");
  let problem = "";
  for (const dir of [
    folder,
    ...shortFolders()
  ]) {
    await using undo = new AsyncDisposableStack();
    try {
      const own = dir === folder ? dir : await Deno.makeTempDir({
        dir,
        prefix: "sallyport-exam-"
      });
      if (own !== dir) undo.defer(() => Deno.remove(own, {
        recursive: true
      }));
      const inner = own === dir ? `${own}/run/00000000/1/io` : `${own}/1`;
      const path2 = `${inner}/egress`;
      const bytes = new TextEncoder().encode(path2).length;
      if (!fitsSocket(path2)) throw new Error(`a path of ${bytes} bytes is too long`);
      await Deno.mkdir(inner, {
        recursive: true,
        mode: 448
      });
      using listener = Deno.listen({
        transport: "unix",
        path: path2
      });
      const [near, far] = await Promise.all([
        Deno.connect({
          transport: "unix",
          path: path2
        }),
        listener.accept()
      ]);
      near.close();
      far.close();
      const where = dir === folder ? "here" : `in ${dir}`;
      return works(`a socket's path ${where} has ${bytes} bytes, of at most ${MAX_SOCKET_PATH_BYTES}`);
    } catch (error) {
      problem ||= `a socket in ${dir}: ${messageOf(error)}`;
    }
  }
  return fails(problem);
}
function works(detail) {
  return {
    state: "works",
    detail
  };
}
function fails(detail) {
  return {
    state: "fails",
    detail
  };
}
function unseen(detail) {
  return {
    state: "unseen",
    detail
  };
}
function failed(error) {
  const probe = error instanceof Deno.errors.NotCapable ? unseen : fails;
  return probe(messageOf(error));
}
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
function shellOf(programs) {
  return [
    programs.sh.path ?? "/bin/sh",
    "-c"
  ];
}
async function compare(script, options, { programs, via }) {
  const shell = shellOf(programs);
  const maker = via === "bwrap" ? [
    programs.bwrap.path,
    "--ro-bind",
    "/",
    "/",
    "--unshare-user",
    ...options
  ] : [
    programs.unshare.path,
    "--user",
    "--map-root-user",
    ...options
  ];
  return {
    outside: await runProgram([
      ...shell,
      script
    ]),
    inside: await runProgram([
      ...maker,
      ...shell,
      script
    ])
  };
}

// src/doctor/data_folder.ts
var TEMPORARY_PREFIX = "sallyport-exam-";
var MIB = 1024 * 1024;
var LEAST_FREE_BYTES = 64 * MIB;
async function tryDataFolder(undo) {
  if (!granted({
    name: "read"
  }) || !granted({
    name: "write"
  })) {
    return {
      folder: void 0,
      probe: unseen("needs --allow-read and --allow-write")
    };
  }
  try {
    const made = await Deno.makeTempDir({
      prefix: TEMPORARY_PREFIX
    });
    undo.defer(() => removeTree(made));
    const folder = await Deno.realPath(made);
    await Deno.writeTextFile(`${folder}/written`, "x", {
      mode: 384
    });
    await Deno.rename(`${folder}/written`, `${folder}/renamed`);
    const parent = dirname(folder);
    if (folder.includes(",")) return {
      folder,
      probe: fails(`${parent}: its path has a comma`)
    };
    const free = await freeBytes(folder);
    if (free === void 0) return {
      folder,
      probe: works(`${parent} can be written`)
    };
    const text2 = `${parent} has ${Math.floor(free / MIB)} MiB free`;
    return {
      folder,
      probe: free < LEAST_FREE_BYTES ? fails(`${text2}: too little`) : works(text2)
    };
  } catch (error) {
    return {
      folder: void 0,
      probe: failed(error)
    };
  }
}
async function freeBytes(folder) {
  if (!granted({
    name: "sys",
    kind: "statfs"
  })) return void 0;
  try {
    const { bavail, bsize } = await fs2.statfs(folder);
    return bavail * bsize;
  } catch {
    return void 0;
  }
}

// src/doctor/descriptors.ts
var LIMITS = {
  fileDescriptors: 64,
  fileBytes: 1024 * 1024
};
async function probeDescriptors(executable) {
  const found = await survey(executable);
  if (typeof found === "string") return fails(found);
  const { shell } = found;
  const [low, high] = [
    7,
    12
  ];
  const open = shell.bash ? [
    low,
    high
  ] : [
    low
  ];
  const leave = `${open.map((fd) => `exec ${fd}</dev/null`).join("; ")}; exec "$@"`;
  const look = [
    shell.path,
    "-c",
    `for fd in ${open.join(" ")}; do [ -e "/proc/self/fd/$fd" ] && echo open; done; echo end`
  ];
  const script = `${PROLOGUE}exec "$@"
`;
  const without = await runProgram([
    shell.path,
    "-c",
    leave,
    "sh",
    ...look
  ]);
  const held = await runProgram([
    shell.path,
    "-c",
    leave,
    "sh",
    ...scriptCommand(shell, script, LIMITS, [], look)
  ]);
  if (!without.out.startsWith("open")) return fails("the control failed");
  if (!held.ok) return fails(held.why);
  if (held.out !== "end") return fails("inherited ones stay open");
  const most = "inherited ones below 10 are closed; one above ends the start, as only bash can close it";
  return works(shell.bash ? "inherited ones are closed" : most);
}

// src/doctor/seccomp.ts
var PROGRAM = `
const names = ["libc.so.6", "libc.musl-" + Deno.build.arch + ".so.1", "libc.so"];
const symbols = {
  prctl: { parameters: ["i32", "usize", "buffer", "usize", "usize"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
};
let libc;
for (const name of names) {
  try { libc = Deno.dlopen(name, symbols).symbols; break; } catch {}
}
if (libc === undefined) throw new Error("no C library to load the filter by");
const filter = Uint8Array.from(atob(Deno.args[0]), (c) => c.charCodeAt(0));
const program = new DataView(new ArrayBuffer(16));
program.setUint16(0, filter.length / 8, true);
program.setBigUint64(8, BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter))), true);
const before = libc.setfsuid(0xffffffff);
const kept = libc.prctl(38, 1n, null, 0n, 0n);
const loaded = libc.prctl(22, 2n, new Uint8Array(program.buffer), 0n, 0n);
const after = libc.setfsuid(0xffffffff);
console.log([before >= 0, kept === 0, loaded === 0, after < 0].join(" "));
`;
async function probeSeccomp(executable, denoDir) {
  const { arch } = Deno.build;
  if (arch !== "x86_64" && arch !== "aarch64") return fails(`no filter for ${arch}`);
  if (!granted({
    name: "run",
    command: executable
  })) {
    return unseen(`needs --allow-run=${executable}`);
  }
  const filter = compileSeccomp({
    profile: "strict",
    arch,
    network: false,
    exec: false
  });
  const flags = [
    "run",
    "--quiet",
    "--no-config",
    "--no-prompt",
    "--allow-ffi"
  ];
  const { ok, out, why } = await runProgram([
    executable,
    ...flags,
    `data:application/javascript,${encodeURIComponent(PROGRAM)}`,
    encodeBase64(filter)
  ], {
    env: {
      DENO_DIR: denoDir,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1"
    },
    timeoutMs: 2e4
  });
  if (!ok) return fails(why);
  const [control, kept, loaded, refused] = out.split(" ").map((word2) => word2 === "true");
  if (!kept || !loaded) return fails("the kernel does not load a filter");
  if (!refused) return fails("the filter was loaded, but refuses nothing");
  const but = "the strict filter loads; what it refuses was refused before";
  return works(control ? "the strict filter loads and refuses" : but);
}

// src/doctor/facts.ts
var MIB2 = 1024 * 1024;
var ON_LINUX = {
  state: "fails",
  detail: "only on Linux"
};
var TRIED = {
  memoryBytes: 64 * MIB2,
  cpuPercent: 50,
  threads: 16
};
async function gatherFacts(mode, start) {
  const system = readSystem();
  const programs = findPrograms();
  const pluginDeno = await findPluginDeno();
  const host = {
    ...readHost(programs),
    pluginDeno
  };
  await using undo = new AsyncDisposableStack();
  const { folder, probe: data } = await tryDataFolder(undo);
  const executable = "path" in pluginDeno ? pluginDeno.path : Deno.execPath();
  const isLinux = system.os === "linux";
  const attempt = (name) => isLinux ? tryLauncher(name, programs, executable, folder) : ON_LINUX;
  const launchers = {
    bwrap: await attempt("bwrap"),
    unshare: await attempt("unshare")
  };
  const preferred = mode !== "unshare" && launchers.bwrap.state === "works";
  const via = preferred || programs.unshare.path === void 0 ? "bwrap" : "unshare";
  const started = await start(mode);
  const layers = isLinux ? await tryLayers({
    programs,
    via
  }, executable, folder) : Object.fromEntries([
    ...PROBES_BEFORE_CGROUP,
    ...PROBES_AFTER_CGROUP
  ].map((name) => [
    name,
    ON_LINUX
  ]));
  const { choice, cgroup } = await openAsHost(mode, executable, folder ?? "/");
  return {
    system,
    host,
    launchers,
    start: started,
    probes: {
      ...layers,
      "data folder": data
    },
    choice,
    cgroup: isLinux ? cgroup : {
      probe: ON_LINUX,
      facts: void 0
    }
  };
}
async function findPluginDeno() {
  try {
    return await findDeno();
  } catch (error) {
    const hint = error instanceof SallyportError ? error.hint ?? "" : "";
    return {
      problem: messageOf(error),
      hint
    };
  }
}
async function tryLauncher(name, programs, executable, scratchDir) {
  const program2 = programs[name];
  if (program2.path !== void 0 && !program2.mayRun) {
    return {
      ...unseen(`needs --allow-run=${program2.path}`),
      path: program2.path
    };
  }
  const where = scratchDir === void 0 ? {} : {
    scratchDir
  };
  try {
    const libraries = await findLibraries(executable);
    const probe = await probeLauncher(name, {
      executable,
      libraries,
      ...where
    });
    const { path: path2, reason = "does not work", unsure } = probe;
    const needed = name === "bwrap" ? [
      "sh"
    ] : [
      "sh",
      "setpriv"
    ];
    const mayTry = isAbsolute(executable) && needed.every((each2) => programs[each2].path === void 0 || programs[each2].mayRun);
    const why = reason.replace(/^(?:bwrap: |unshare: )+/, "");
    const seen = probe.works ? works(`${path2 ?? name} starts deno in a root of its own, filtered`) : mayTry ? fails(why) : unseen(why);
    const shortage = unsure && (systemHint(unsure) ?? "Run doctor again when the machine is less busy");
    return {
      ...seen,
      ...path2 === void 0 ? {} : {
        path: path2
      },
      ...shortage === void 0 ? {} : {
        shortage
      }
    };
  } catch (error) {
    return failed(error);
  }
}
async function tryLayers(tools, executable, folder) {
  const { programs, via } = tools;
  const needed = [
    "sh",
    via
  ];
  const absent = needed.find((name) => programs[name].path === void 0);
  const denied = needed.find((name) => !programs[name].mayRun);
  const safely = (act) => act().catch(failed);
  const attempt = async (act) => {
    if (absent !== void 0) return fails(`not tried: no ${absent}`);
    if (denied !== void 0) {
      return unseen(`needs --allow-run=${programs[denied].path}`);
    }
    return await safely(act);
  };
  const within = (act) => async () => folder === void 0 ? unseen("needs --allow-read and --allow-write") : await act(folder);
  const namespaces = [];
  for (const name of NAMESPACES) {
    namespaces.push([
      `${name} namespace`,
      await attempt(() => probeNamespace(name, tools))
    ]);
  }
  return {
    ...Object.fromEntries(namespaces),
    "private /proc": await attempt(() => probeProc(tools)),
    seccomp: await safely(within((path2) => probeSeccomp(executable, `${path2}/deno`))),
    "no-new-privs": await attempt(() => probeNoNewPrivs(tools)),
    rlimits: await attempt(() => probeRlimits(tools)),
    descriptors: await attempt(() => probeDescriptors(executable)),
    "dies with host": await attempt(() => probeDiesWithHost(tools)),
    "egress proxy": await safely(within(probeEgress))
  };
}
async function useCgroup({ manager, missing }) {
  if (manager === void 0) {
    const detail = missing.join("; ") || "none could be made";
    return {
      probe: mayReadProc() ? fails(detail) : unseen(detail),
      facts: void 0
    };
  }
  const limits = {
    ...TRIED,
    fileDescriptors: 256,
    fileBytes: MIB2
  };
  await using cgroup = await manager.create(limits);
  let facts;
  const script = 'for file; do echo 0 >"$file" || exit 1; done; echo in; read line';
  const { out, why } = await runProgram([
    ...cgroup.prefix,
    "/bin/sh",
    "-c",
    script,
    "sh",
    ...cgroup.join
  ], {
    env: cgroup.prefixEnv,
    timeoutMs: 9e3,
    onOutput(_text, child) {
      facts = cgroup.facts(child.pid);
      kill(child);
    }
  });
  if (out !== "in") return {
    probe: fails(why),
    facts: void 0
  };
  return {
    probe: works(KINDS[manager.kind]),
    facts
  };
}
var KINDS = {
  v2: "v2: a group of its own for each plugin",
  v1: "v1: a group of its own for each plugin",
  "systemd-run": "systemd-run: a scope of its own for each plugin"
};
async function openAsHost(mode, executable, scratchDir) {
  const options = {
    executable,
    scratchDir
  };
  let require2 = {
    works: true
  };
  try {
    await using _launchers = await openLaunchers({
      ...options,
      isolation: {
        mode,
        require: true
      }
    });
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : "bad-config";
    require2 = {
      works: false,
      code,
      message: messageOf(error)
    };
  }
  try {
    await using launchers = await openLaunchers(options);
    const choice = {
      mode,
      auto: launchers.strongest.name,
      launcher: await select(launchers, mode),
      require: require2
    };
    return {
      choice,
      cgroup: await useCgroup(await launchers.cgroups)
    };
  } catch (error) {
    const choice = {
      mode,
      auto: void 0,
      launcher: void 0,
      require: require2
    };
    return {
      choice,
      cgroup: {
        probe: failed(error),
        facts: void 0
      }
    };
  }
}
async function select(launchers, mode) {
  try {
    return (await launchers.select(mode)).name;
  } catch {
    return void 0;
  }
}
function mayReadProc() {
  try {
    Deno.readTextFileSync("/proc/self/cgroup");
    return true;
  } catch {
    return false;
  }
}

// src/cli/doctor/lines.ts
var STYLES2 = {
  ok: "green",
  warn: "yellow",
  no: "red"
};
var MARK_WIDTH = 4;
var MAX_TEXT = 1e3;
function doctorLines(diagnosis, output) {
  return [
    ...tableLines(diagnosis.layers, output),
    "",
    ...verdictLines(diagnosis, output),
    ...remedyLines(diagnosis.layers, output)
  ];
}
function tableLines(layers, output) {
  const rows = joined(layers);
  const width = Math.max(...layers.map(({ name }) => name.length));
  return rows.flatMap(({ names, status, detail }) => {
    const [first = "", ...others] = names;
    const mark = output.style(STYLES2[status], status.padEnd(MARK_WIDTH));
    const indent = MARK_WIDTH + 2;
    const text2 = hanging(`${mark}  ${first.padEnd(width)}  `, indent + width + 2, escapeText(detail, MAX_TEXT));
    return [
      ...text2,
      ...others.map((name) => " ".repeat(indent) + name)
    ];
  });
}
function joined(layers) {
  const rows = [];
  for (const { name, status, detail } of layers) {
    const last = rows.at(-1);
    if (last?.status === status && last.detail === detail && status !== "ok") {
      last.names.push(name);
    } else rows.push({
      names: [
        name
      ],
      status,
      detail
    });
  }
  return rows;
}
function verdictLines({ choice, complete, missing, layers }, output) {
  const fails2 = layers.some(({ name, status }) => name === "plugin start" && status === "no");
  const { mode, launcher, require: require2 } = choice;
  const under = launcher === void 0 ? `isolation "${mode}" does not work here: a host with it would not open` : mode === "auto" ? `isolation "auto" takes ${launcher}` : `isolation "${mode}" works here`;
  const answer = require2.works ? "with require: true a host opens" : `with require: true a host would say: ${require2.message}`;
  const whole = complete ? output.style("green", "plugins run under an operating-system sandbox with every layer") : launcher === void 0 || fails2 ? output.style("red", "no plugin would run") : launcher === "plain" ? output.style("red", "plugins would be held by Deno's flags only") : void 0;
  return [
    ...[
      under,
      answer
    ].flatMap((text2) => hanging("", 0, escapeText(text2, MAX_TEXT))),
    ...whole === void 0 ? hanging("", 0, `missing: ${missing.join(", ")}`) : [
      whole
    ]
  ];
}
function remedyLines(layers, output) {
  const open = layers.filter((layer) => layer.remedy !== void 0);
  const groups = Map.groupBy(open, ({ remedy: remedy2 }) => JSON.stringify(remedy2));
  return [
    ...groups.values()
  ].flatMap((group, index) => {
    const { what, lines } = group[0].remedy;
    const head = `${index + 1}. `;
    const indent = " ".repeat(head.length);
    const title = hanging(head, head.length, `For ${group.map(({ name }) => name).join(", ")}`);
    return [
      "",
      ...title.map((line) => output.style("bold", line)),
      ...hanging(indent, head.length, escapeText(what, MAX_TEXT)),
      // as it is, to be copied
      ...lines.map((line) => `${indent}  ${escapeText(line, MAX_TEXT)}`.trimEnd())
    ];
  });
}

// src/cli/doctor/start.ts
var MANIFEST = {
  name: "sallyport-doctor",
  version: "1.0.0",
  entry: "main.ts",
  // nothing is dialled: a granted host is what the proxy and its relay are started for
  permissions: {
    net: [
      "sallyport.invalid:443"
    ],
    read: [
      "$STORAGE"
    ],
    write: [
      "$STORAGE"
    ]
  },
  storage: {
    quotaBytes: 1048576
  },
  context: [
    {
      key: "kv",
      access: "readwrite"
    },
    {
      key: "database",
      access: "readwrite"
    }
  ]
};
var MAIN = `import { definePlugin } from "@sallyport/host/plugin";
let context;
export default definePlugin({
  init: (given) => void (context = given),
  methods: {
    async tries(bytes: Uint8Array) {
      Deno.writeFileSync(\`\${context.storage}/tried\`, bytes);
      await context.get("kv").set("tried", 1);
      await context.get("database").execute("CREATE TABLE tried (n)");
      return Deno.readFileSync(\`\${context.storage}/tried\`);
    },
    async *counts() {
      yield* [1, 2, 3];
    },
  },
});
`;
async function tryStart(isolation) {
  const mayRun = [
    "deno",
    Deno.execPath()
  ].some((command) => granted({
    name: "run",
    command
  }));
  const lacks = [
    ...[
      "read",
      "write"
    ].filter((name) => !granted({
      name
    })),
    ...mayRun ? [] : [
      "run"
    ]
  ];
  if (lacks.length > 0) {
    return {
      state: "unseen",
      detail: `needs ${lacks.map((name) => `--allow-${name}`).join(", ")}`
    };
  }
  try {
    await using undo = new AsyncDisposableStack();
    const dir = await Deno.makeTempDir({
      prefix: "sallyport-exam-"
    });
    undo.defer(() => removeTree(dir));
    await Deno.writeTextFile(`${dir}/plugin.json`, JSON.stringify(MANIFEST));
    await Deno.writeTextFile(`${dir}/main.ts`, MAIN);
    const { plugin } = undo.use(await loadForTest(dir, {
      isolation
    }));
    const bytes = Uint8Array.of(1, 2, 3);
    const answer = await plugin.call("tries", bytes);
    const items = await Array.fromAsync(plugin.stream("counts", void 0));
    if (String(answer) !== String(bytes) || String(items) !== String(bytes)) {
      return {
        state: "fails",
        detail: "a plugin started, and returned other values than it was sent"
      };
    }
    const { launcher } = plugin.sandbox;
    return {
      state: "works",
      detail: `a plugin runs under ${launcher}: calls, streams, storage, kv, database`
    };
  } catch (error) {
    return {
      state: "fails",
      detail: failure(error)
    };
  }
}
function failure(error) {
  const message = error instanceof Error ? error.message : String(error);
  const tail = error.details?.stderrTail;
  const last = typeof tail === "string" ? tail.trim().split("\n").at(-1) : "";
  return last ? `${message}: ${last}` : message;
}

// src/cli/doctor/command.ts
function addDoctor(program2, context) {
  program2.command("doctor").description("say what this machine can enforce, layer by layer, and how to get the rest").addOption(new Option("--isolation <mode>", "the isolation that hosts would ask for (default: auto)").choices([
    "auto",
    "bwrap",
    "unshare",
    "plain"
  ])).action((options) => doctor(options, context));
}
async function doctor({ isolation = "auto" }, { output }) {
  const facts = await gatherFacts(isolation, tryStart);
  const diagnosis = diagnose(facts);
  output.result(doctorDocument(facts, diagnosis), () => doctorLines(diagnosis, output));
  if (!diagnosis.complete) throw new BadFindings();
}
function doctorDocument(facts, { layers, choice, missing, complete }) {
  const { os, arch, kernel, distribution, container, wsl } = facts.system;
  return {
    platform: {
      os,
      arch,
      kernel,
      distribution,
      container,
      wsl
    },
    layers,
    isolation: choice.mode,
    auto: choice.auto ?? null,
    launcher: choice.launcher ?? null,
    require: choice.require,
    complete,
    missing
  };
}

// src/cli/hash/command.ts
function addHash(program2, { output }) {
  program2.command("hash").description("print the bundle hash (SHA3-512), alone").argument("<dir>", "the folder of the bundle").action(async (dir) => {
    const { bundleHash } = await readBundle(dir);
    output.result({
      bundleHash
    }, () => [
      bundleHash
    ]);
  });
}

// src/cli/shared/trust_options.ts
import { statSync } from "node:fs";

// src/cli/shared/plugin_logger.ts
function pluginLogger(output) {
  const write = (level) => (message, fields = {}) => {
    const { plugin, source, version: _version, bundleHash: _bundleHash, ...rest } = fields;
    const isPlugins = typeof plugin === "string";
    if (isPlugins && source === void 0 && "code" in rest) return;
    if (!isPlugins && (level === "debug" || level === "info")) return;
    const name = output.errStyle("dim", `[${isPlugins ? escapeText(plugin, 64) : "sallyport"}]`);
    const label = level === "info" ? "" : `${level}: `;
    const { hint, ...facts } = rest;
    const isOwnHint = source === void 0 && typeof hint === "string";
    const shown = isOwnHint ? facts : rest;
    const details = Object.keys(shown).length === 0 ? "" : ` ${safeJson(shown)}`;
    output.errorLine(`${name} ${label}${escapeText(message, 4e3)}${details}`);
    if (isOwnHint) output.errorLine(`  hint: ${escapeText(hint, 4e3)}`);
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error")
  };
}
function safeJson(value) {
  try {
    return escapeText(toJson(value, false), 4e3);
  } catch {
    return "[unreadable]";
  }
}

// src/cli/shared/trust_options.ts
var COMMANDS = /* @__PURE__ */ new WeakSet();
function addTrustOptions(command) {
  COMMANDS.add(command);
  command.option("--key <pub>", "a public key to trust: a .pub file or 64 hex digits (repeatable)", collect).option("--trust-list <file>", "the trust list, instead of --key");
  return addSecretOptions(command, "the trust list's").option("--data-dir <dir>", "the host's folder, kept (default: a temporary one)").option("--allow-rollback", "run a version below the highest that this host has run").option("--policy <file>", "the policy: what plugins may have (none: their own bundle only)").addOption(new Option("--isolation <mode>", "how the plugin is isolated (default: auto)").choices([
    "auto",
    "bwrap",
    "unshare",
    "plain"
  ]));
}
function askBeforeCommands(program2, context) {
  program2.hook("preAction", async (_program, command) => {
    if (!COMMANDS.has(command)) return;
    const options = command.opts();
    const { key = [], trustList } = options;
    if (trustList === void 0) return refuseWithoutList(options);
    if (key.length > 0) {
      const words2 = [
        "trust",
        "add",
        trustList,
        "--key",
        key[0],
        ...secretWords(options)
      ];
      throw new UsageError("Cannot use --key and --trust-list together", `Add the key to the list: ${commandLine(words2)}`);
    }
    const secret = await readSecretFile(options, context) ?? {
      passphrase: await askPassphrase(context, `"${trustList}"`)
    };
    command.setOptionValue("secret", secret);
  });
}
function trustedHostOptions(options, output) {
  const { key = [], policy, isolation, dataDir } = options;
  return {
    ...options.trustList === void 0 ? {
      keys: key
    } : {
      trustList: listOptions(options.trustList, options)
    },
    ...policy === void 0 ? {} : {
      policy
    },
    ...isolation === void 0 ? {} : {
      isolation
    },
    ...dataDir === void 0 ? {} : {
      dataDir
    },
    logger: pluginLogger(output)
  };
}
function listOptions(file, { secret, passphraseFile, keyFile, allowRollback }) {
  const opens = isFile(keyFile) ? {
    keyFile
  } : isFile(passphraseFile) ? {
    passphraseFile
  } : secret;
  return {
    file,
    ...opens,
    ...allowRollback === void 0 ? {} : {
      allowRollback
    }
  };
}
function isFile(path2) {
  return path2 !== void 0 && path2 !== "-" && statSync(path2, {
    throwIfNoEntry: false
  })?.isFile() === true;
}
function refuseWithoutList({ keyFile, passphraseFile, allowRollback }) {
  const [idle] = Object.entries({
    "--passphrase-file": passphraseFile,
    "--key-file": keyFile,
    "--allow-rollback": allowRollback
  }).find(([, value]) => value !== void 0) ?? [];
  if (idle === void 0) return;
  throw new UsageError(`Cannot use ${idle} without --trust-list`, "It is about a trust list: name one with --trust-list FILE");
}

// src/cli/inspect/exposure/containment.ts
var SYSTEM_CALLS = {
  strict: [
    "only the calls that Deno needs pass",
    0
  ],
  baseline: [
    "only the most dangerous calls are refused",
    3
  ],
  off: [
    "every call reaches the kernel",
    10
  ]
};
var NETWORK_MODES = {
  isolated: [
    "its network has no other end",
    0
  ],
  proxied: [
    "granted hosts only, through the host's proxy",
    1
  ],
  host: [
    "it is on the machine's network, held by Deno's flags only",
    10
  ]
};
function containmentLines(sandbox, { jitless, hostIsRoot: hostIsRoot2 }) {
  const { namespaces } = sandbox;
  const layer = (name, most, isHeld2, held, open) => [
    name,
    isHeld2 ? held : open,
    isHeld2 ? 0 : most,
    most
  ];
  return [
    layer("deno permissions", 20, sandbox.denoPermissions, "Deno's flags hold it to what it was granted", "Deno's permission flags are not in force"),
    layer("namespaces", 25, namespaces, "it has namespaces and a root folder of its own", "it sees the machine as the host's user does"),
    [
      "system calls",
      ...SYSTEM_CALLS[sandbox.seccomp ? sandbox.seccompProfile : "off"],
      10
    ],
    sandbox.cgroup && sandbox.facts?.cgroup?.swapLimited === false ? [
      "cgroup",
      "memory, cpu time and tasks are capped, swap is not",
      2,
      8
    ] : layer("cgroup", 8, sandbox.cgroup, "the kernel caps its memory, cpu time and tasks", "nothing caps its memory, cpu time and tasks together"),
    layer("rlimits", 3, sandbox.rlimits, "descriptors, file sizes and core dumps are capped", "descriptors, file sizes and core dumps are not capped"),
    layer("host's end", 4, sandbox.diesWithHost === "kernel", "the kernel ends it when the host is killed", "in a busy loop it outlives a host that is killed"),
    [
      "network mode",
      ...NETWORK_MODES[sandbox.network],
      10
    ],
    hostIsRoot2 === false ? [
      "host user",
      "the host runs as an unprivileged user",
      0,
      10
    ] : [
      "host user",
      hostIsRoot2 ? "the host runs as root: what escapes is root" : "the host may be root: what user it is could not be seen",
      namespaces ? 3 : 10,
      10
    ],
    layer("compiler", 3, jitless, "V8 runs without its compilers", "V8 compiles its code: its bugs are within reach")
  ];
}

// src/cli/inspect/exposure/net.ts
var NAMES_MOST = 14;
var NET_MOST = 25;
var PRIVATE = [
  {
    what: "this machine itself",
    points: 7,
    ranges: [
      "0.0.0.0/8",
      "127.0.0.0/8",
      "[::]/127"
    ],
    names: /^(?:.*\.)?localhost$/
  },
  {
    what: "link-local addresses, where clouds keep credentials",
    points: 7,
    ranges: [
      "169.254.0.0/16",
      "[fe80::]/10"
    ],
    names: /^(?:.*\.)?metadata\.google\.internal$/
  },
  {
    what: "private networks",
    points: 6,
    ranges: [
      "10.0.0.0/8",
      "100.64.0.0/10",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "[fc00::]/7"
    ],
    names: /^(?:(?!localhost$)[^.]+|.*\.(?:internal|local|lan|home|corp|intranet|home\.arpa))$/
  }
];
function netLines(net, reachable) {
  const scopes = net.flatMap(scopesOf);
  const found = PRIVATE.filter((kind) => scopes.some((scope) => reaches(scope, kind)));
  const hosts = net.join(", ");
  const nothing = net.length === 0 ? "it can send to no host" : `${hosts} would be granted, but its network is isolated`;
  const open = reachable && scopes.length > 0;
  const { points, how } = widest(scopes);
  return [
    [
      "net",
      open ? `it can send all it knows to ${how}: ${hosts}` : nothing,
      open ? points : 0,
      NET_MOST
    ],
    [
      "private net",
      open && found.length > 0 ? `it can reach ${found.map(({ what }) => what).join(" and ")}` : "it can reach no private address",
      open ? found.reduce((sum, kind) => sum + kind.points, 0) : 0,
      PRIVATE.reduce((sum, kind) => sum + kind.points, 0)
    ]
  ];
}
function widest(scopes) {
  const single = scopes.filter(isSingle).length;
  let best = {
    points: Math.min(NAMES_MOST, 5 + single),
    how: single === 1 ? "one host" : `${single} hosts`
  };
  for (const scope of scopes) {
    if (isSingle(scope)) continue;
    const found = scope.kind === "range" ? {
      points: rangePoints(scope),
      how: "a range of addresses"
    } : {
      points: wildcardPoints(scope.host),
      how: "every host beneath a name"
    };
    if (found.points > best.points) best = found;
  }
  return best;
}
function isSingle(scope) {
  return scope.kind === "name" || scope.kind === "range" && scope.prefix === addressBits(scope.address.version);
}
function wildcardPoints(host) {
  const labels = host.split(".").length;
  return labels === 1 ? 23 : labels === 2 ? 17 : 15;
}
function rangePoints({ address, prefix }) {
  return 15 + Math.round(10 * (1 - prefix / addressBits(address.version)));
}
function reaches(scope, { names, ranges }) {
  if (scope.kind === "range") {
    return ranges.flatMap(scopesOf).some((range) => intersectNet({
      ...range,
      port: scope.port
    }, scope) !== void 0);
  }
  const isTopLevel = scope.kind === "wildcard" && !scope.host.includes(".");
  return names.test(isTopLevel ? `x.${scope.host}` : scope.host);
}
function scopesOf(text2) {
  const parsed = parseNetScope(text2);
  return "value" in parsed ? [
    parsed.value
  ] : [];
}

// src/cli/inspect/exposure/paths.ts
var POINTS = {
  homes: [
    20,
    20
  ],
  "within homes": [
    6,
    12
  ],
  system: [
    8,
    15
  ],
  elsewhere: [
    4,
    10
  ]
};
var WORDS = {
  homes: "home folders, where keys and settings are",
  "within homes": "files in home folders",
  system: "system folders",
  elsewhere: "other folders"
};
var HOME_PARENTS = [
  "/home",
  "/users"
];
var LONE_HOMES = [
  "/root",
  "/private/var/root"
];
var SYSTEM = [
  ...[
    "/applications",
    "/boot",
    "/etc",
    "/library",
    "/private",
    "/program files"
  ],
  ...[
    "/program files (x86)",
    "/programdata",
    "/run",
    "/system",
    "/var",
    "/windows"
  ]
];
var READ_MOST = 38;
var WRITE_MOST = 58;
function pathLines(items) {
  const granted2 = (family) => items.filter((item) => item.family === family && item.source !== OWN_BUNDLE && item.source !== OWN_STORAGE).map(({ value }) => value);
  const ownStorage = items.some(({ family, source }) => family === "write" && source === OWN_STORAGE);
  const reads = granted2("read");
  const writes = granted2("write");
  return [
    [
      "reads",
      reads.length === 0 ? "it can read its bundle and its storage only" : `it can read ${words(reads)}: ${unique(reads)}`,
      total(reads, 0),
      READ_MOST
    ],
    [
      "writes",
      writes.length > 0 ? `it can change ${words(writes)}: ${unique(writes)}` : ownStorage ? "it can fill its own storage" : "it can change no file",
      total(writes, 1) + (ownStorage ? 1 : 0),
      WRITE_MOST
    ]
  ];
}
function total(paths, access) {
  return places(paths).reduce((sum, place) => sum + POINTS[place][access], 0);
}
function words(paths) {
  return places(paths).map((place) => WORDS[place]).join(" and ");
}
function unique(paths) {
  return [
    ...new Set(paths)
  ].join(", ");
}
function places(paths) {
  const found = new Set(paths.flatMap(touched));
  return Object.keys(POINTS).filter((place) => found.has(place));
}
function touched(path2) {
  const plain = path2.replace(/^[A-Za-z]:/, "").replaceAll("\\", "/").toLowerCase() || "/";
  const found = [];
  if (SYSTEM.some((folder) => overlaps(folder, plain))) found.push("system");
  const parent = HOME_PARENTS.find((folder) => overlaps(folder, plain));
  const lone = LONE_HOMES.find((folder) => overlaps(folder, plain));
  if (parent !== void 0) found.push(...withinHome(plain, parent, 2));
  if (lone !== void 0) found.push(...withinHome(plain, lone, 1));
  const known = [
    ...SYSTEM,
    ...HOME_PARENTS,
    ...LONE_HOMES
  ];
  if (!known.some((folder) => pathCovers(folder, plain))) found.push("elsewhere");
  return found;
}
function withinHome(path2, folder, depth) {
  if (pathCovers(path2, folder)) return [
    "homes",
    "within homes"
  ];
  const inside = path2.slice(folder.length + 1).split("/");
  const first = inside[depth - 1];
  if (first === void 0) return [
    "homes",
    "within homes"
  ];
  return first.startsWith(".") ? [
    "homes"
  ] : [
    "within homes"
  ];
}

// src/cli/inspect/exposure/grade.ts
var LABELS = [
  [
    10,
    "SAFE",
    "green"
  ],
  [
    40,
    "OK",
    "green"
  ],
  [
    65,
    "MEDIUM",
    "yellow"
  ],
  [
    85,
    "EXPOSED",
    "red"
  ],
  [
    Infinity,
    "UNSAFE",
    "red"
  ]
];
var MOST = 100;
var MAX_TEXT2 = 400;
var BUILT_IN = [
  "config",
  "kv",
  "log"
];
function gradeExposure(input) {
  const { permissions, sandbox } = input;
  const lines = [
    ...containmentLines(sandbox, input),
    ...netLines(permissions.net, sandbox.network !== "isolated"),
    ...pathLines(permissions.items),
    hostFilesLine(input),
    ...grantLines(input),
    signerLine(input)
  ];
  const points = Math.min(MOST, lines.reduce((sum, [, , points2]) => sum + points2, 0));
  return {
    grade: points / 10,
    label: LABELS.find(([below]) => points < below)[1],
    lines: lines.sort(([a, , aPoints], [b, , bPoints]) => bPoints - aPoints || (a < b ? -1 : 1)).map(([name, description, points2, most]) => ({
      name,
      description,
      exposure: points2 / 10,
      weight: most / 10
    }))
  };
}
function gradeLines({ grade, label, lines }, output) {
  const adding = lines.filter(({ exposure }) => exposure > 0);
  const width = Math.max(0, ...adding.map(({ name }) => name.length));
  const style = LABELS.find(([, each2]) => each2 === label)[2];
  return [
    `  exposure: ${output.style(style, `${grade.toFixed(1)} ${label}`)}`,
    ...adding.flatMap(({ name, description, exposure }) => {
      const head = `  ${exposure.toFixed(1).padStart(5)}  ${name.padEnd(width)}  `;
      return hanging(head, head.length, escapeText(description, MAX_TEXT2));
    })
  ];
}
function grantLines({ permissions, hooks }) {
  const { sys, context: { database, ...others } } = permissions;
  const services = Object.entries(others);
  const servicePoints = services.reduce((sum, [key, access]) => {
    const read = BUILT_IN.includes(key) ? 1 : 4;
    return sum + (access === "readwrite" ? 2 * read : read);
  }, 0);
  const priorities = new Map(hooks.map(({ name, priority }) => [
    name,
    priority
  ]));
  const early = permissions.hooks.map((name) => hookBand(priorities.get(name) ?? 200)).filter((band) => band === "critical" || band === "high").length;
  const listed = (none, some, values) => values.length === 0 ? none : `${some} ${values.join(", ")}`;
  return [
    [
      "system facts",
      listed("it can learn nothing of this machine", "it can learn of this machine:", sys),
      Math.min(6, sys.length),
      6
    ],
    [
      "services",
      listed("it can use no service", "it can use", services.map(([key, access]) => `${key} (${access})`)),
      Math.min(20, servicePoints),
      20
    ],
    [
      "database",
      database === void 0 ? "it can use no database" : `it can ${database === "read" ? "read" : "change"} its tables of the database`,
      database === void 0 ? 0 : database === "read" ? 4 : 8,
      8
    ],
    [
      "hooks",
      listed("it sees the data of no hook", "it sees and may change the data of", permissions.hooks),
      Math.min(15, 3 * permissions.hooks.length + 2 * early),
      15
    ]
  ];
}
function hostFilesLine({ permissions, hostFilesKnown }) {
  const inDoubt = !hostFilesKnown && permissions.items.some(({ family, source }) => (family === "read" || family === "write") && source !== OWN_BUNDLE && source !== OWN_STORAGE);
  return [
    "host's files",
    inDoubt ? "its paths may hold a host's data folder: --data-dir tells, and a host refuses that" : "it cannot reach what the host keeps",
    inDoubt ? 10 : 0,
    10
  ];
}
function signerLine({ signer: { trusted, expires } }) {
  const [found, points] = !trusted ? [
    "no host that trusts these keys would verify it",
    20
  ] : expires ? [
    "signed by a trusted key, for a time",
    0
  ] : [
    "signed by a trusted key, for ever",
    1
  ];
  return [
    "signer",
    found,
    points,
    20
  ];
}

// src/cli/inspect/lines.ts
var MAX_FILES = 50;
function inspectionLines(inspection, exposure, output) {
  const { manifest, launch } = inspection;
  return [
    `${output.style("bold", `${manifest.name} ${manifest.version}`)}  ${verdict(inspection, output)}`,
    ...about(inspection),
    ...section("Signatures", signatureLines(inspection), output),
    ...section("Files", fileLines(inspection), output),
    ...section("It asks for", requestLines(manifest), output),
    ...section("It asks for more than before", consentLines(inspection), output),
    ...section("The policy grants", grantLines2(inspection.entry), output),
    ...section("Missing", missingLines(inspection), output),
    ...launch === void 0 ? [] : [
      ...section(inspection.denial === void 0 ? "It gets" : launch.permissions.dropped.length === 0 ? "It would get" : "It would get without what is missing", getsLines(launch), output),
      ...section("Exposure", exposureLines(exposure, output), output),
      ...section("Sandbox", sandboxLines(launch), output),
      ...section("Command", commandLines(launch), output)
    ]
  ];
}
function verdict({ refusal, denial }, output) {
  if (refusal !== void 0) return output.style("red", `NOT TRUSTED (${refusal.code})`);
  if (denial !== void 0) return output.style("yellow", `trusted, but refused (${denial.code})`);
  return output.style("green", "trusted, would load");
}
function about({ manifest, bundleHash, refusal, denial }) {
  const problem = refusal ?? denial;
  return columns([
    [
      "reason",
      problem && escapeText(problem.message)
    ],
    [
      "author",
      manifest.author && escapeText(manifest.author)
    ],
    [
      "about",
      manifest.description && escapeText(manifest.description)
    ],
    [
      "license",
      manifest.license && escapeText(manifest.license)
    ],
    [
      "entry",
      escapeText(manifest.entry)
    ],
    [
      "host API",
      manifest.sdk && escapeText(manifest.sdk)
    ],
    [
      "bundle hash",
      bundleHash
    ]
  ]);
}
function signatureLines({ signatures, statement }) {
  if (signatures.length === 0) return [
    "  none"
  ];
  const meaning = {
    trusted: "trusted",
    void: "a known key that does not count for this plugin now",
    invalid: "INVALID under the trusted key of this id",
    unknown: "unknown key: none that is trusted has this id, so this is only a claim"
  };
  return [
    ...columns(signatures.map(({ keyId: keyId2, name, status }) => {
      const known = name === void 0 ? "" : ` (${escapeText(name)})`;
      return [
        keyId2,
        `${meaning[status]}${known}`
      ];
    })),
    ...statement === void 0 ? [] : [
      `  signed at ${statement.createdAt}, expires ${statement.expiresAt ?? "never"}`
    ]
  ];
}
function fileLines({ files }) {
  const total2 = files.reduce((sum, file) => sum + file.size, 0);
  const width = Math.max(...files.map(({ size }) => String(size).length));
  const shown = files.slice(0, MAX_FILES).map(({ path: path2, size }) => `  ${String(size).padStart(width)}  ${escapeText(path2)}`);
  if (files.length > MAX_FILES) shown.push(`  \u2026 and ${files.length - MAX_FILES} more (see --json)`);
  return [
    ...shown,
    `  ${plural(files.length, "file")}, ${plural(total2, "byte")}`
  ];
}
function requestLines(manifest) {
  const { permissions = {}, storage, context = [], hooks = [], limits = {} } = manifest;
  const rows = Object.entries(permissions).map(([family, values]) => [
    family,
    values.join(", ")
  ]);
  if (storage !== void 0) rows.push([
    "storage",
    `${storage.quotaBytes} bytes of its own`
  ]);
  for (const { key, access, reason } of context) {
    rows.push([
      "service",
      `${key} (${access})${reason === void 0 ? "" : `: ${reason}`}`
    ]);
  }
  for (const { name, priority } of hooks) {
    rows.push([
      "hook",
      priority === void 0 ? name : `${name} (priority ${priority})`
    ]);
  }
  for (const [name, value] of Object.entries(limits)) rows.push([
    "limit",
    `${name} ${value}`
  ]);
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    rows.push([
      "plugin",
      `${name} ${range}`
    ]);
  }
  return askColumns(rows);
}
function consentLines({ consent }) {
  if (consent === void 0) return [];
  const { before, added, accepted } = consent;
  return [
    ...added.map((ask) => `  ${escapeText(describeAddedAsk(ask), 4e3)}`),
    accepted ? `  accepted in the trust list; version ${before} did not ask for it` : `  version ${before} did not ask for it: it loads once that is accepted, by \`trust accept\``
  ];
}
function grantLines2({ grant = {}, limits = {} }) {
  const rows = [];
  for (const [family, values] of Object.entries(grant)) {
    const listed = Array.isArray(values) ? values.join(", ") : Object.entries(values).map(([key, access]) => `${key} (${access})`).join(", ");
    rows.push([
      family,
      listed === "" ? "nothing" : listed
    ]);
  }
  for (const [name, value] of Object.entries(limits)) rows.push([
    "cap",
    `${name} ${value}`
  ]);
  return askColumns(rows);
}
function missingLines({ launch, missingPolicy, missingServices }) {
  const lines = (launch?.permissions.dropped ?? []).map(({ family, value, reason }) => `  ${family} "${escapeText(value)}" ${reason}`);
  for (const { key, asked, granted: granted2 } of missingServices) {
    const given = granted2 === void 0 ? "is not granted" : `is granted for "${granted2}" only`;
    lines.push(`  service "${key}" (${asked}) ${given}: it loads, but such calls are denied`);
  }
  if (missingPolicy !== void 0) {
    const text2 = JSON.stringify(missingPolicy, null, 1).replace(/\n */g, " ");
    lines.push("  to grant it, write in the policy:", `    ${escapeText(text2.slice(2, -2), 1e5)}`);
  }
  return lines;
}
function getsLines({ permissions, explanation }) {
  const changed = Object.entries(permissions.limits).filter(([name, value]) => value !== DEFAULT_LIMITS[name]).map(([name, value]) => `${name} ${value}`);
  const limits = changed.length === 0 ? "the defaults" : `${changed.join(", ")}, else the defaults`;
  return [
    ...explanation,
    `limits: ${limits}`
  ].map((line) => `  ${line}`);
}
function exposureLines(exposure, output) {
  const titles = [
    [
      "network",
      "can send anything it knows to"
    ],
    [
      "reads",
      "can read besides its bundle"
    ],
    [
      "writes",
      "can change"
    ],
    [
      "system",
      "can learn of this machine"
    ],
    [
      "services",
      "can use the services"
    ],
    [
      "hooks",
      "sees and may change the data of"
    ]
  ];
  const rows = titles.map(([key, title]) => {
    const values = exposure[key];
    return [
      title,
      values.length === 0 ? "nothing" : escapeText(values.join(", "), 4e3)
    ];
  });
  return [
    ...gradeLines(exposure, output),
    "",
    ...columns(rows)
  ];
}
function sandboxLines({ sandbox }) {
  const yes = (value) => value ? "yes" : "no";
  return [
    ...columns([
      [
        "launcher",
        sandbox.launcher
      ],
      [
        "Deno permissions",
        yes(sandbox.denoPermissions)
      ],
      [
        "namespaces",
        yes(sandbox.namespaces)
      ],
      [
        "network",
        sandbox.network
      ],
      [
        "seccomp",
        sandbox.seccomp ? sandbox.seccompProfile : "no"
      ],
      [
        "cgroup",
        yes(sandbox.cgroup)
      ],
      [
        "rlimits",
        yes(sandbox.rlimits)
      ],
      [
        "dies with host by",
        sandbox.diesWithHost
      ]
    ]),
    ...sandbox.missing.map((line) => `  not in force: ${line}`)
  ];
}
function commandLines({ command, givenUp }) {
  return [
    `  ${escapeText(command.command)}`,
    ...command.args.map((argument) => `    ${escapeText(argument, 1e4)}`),
    ...columns([
      ...Object.entries(command.env).map(([name, value]) => [
        `env ${name}`,
        value
      ]),
      [
        "working folder",
        command.cwd
      ],
      ...givenUp.length === 0 ? [] : [
        [
          "given up before the plugin is there",
          escapeText(givenUp.map(({ family, value }) => `${family} ${value}`).join(", "), 1e4)
        ]
      ]
    ]),
    `  ${DATA_PLACEHOLDER} stands for the host's data folder, <run> for the id of its run`
  ];
}

// src/cli/inspect/command.ts
function addInspect(program2, context) {
  const command = program2.command("inspect").description("show all about a bundle, trusted or not: its signers, what it asks, what it would get").argument("<dir>", "the folder of the bundle");
  addTrustOptions(command).action((dir, options) => inspect(dir, options, context));
}
async function inspect(dir, options, { output }) {
  const inspection = await inspectBundle(dir, trustedHostOptions(options, output));
  const exposure = exposureOf(inspection, options.dataDir !== void 0);
  output.result(toDocument(inspection, exposure), () => inspectionLines(inspection, exposure, output));
}
function exposureOf({ manifest: { hooks = [] }, entry, refusal, statement, launch }, hostFilesKnown) {
  if (launch === void 0) return void 0;
  const { permissions, sandbox } = launch;
  const { net, read, write, sys, context } = permissions;
  const priorities = new Map(hooks.map(({ name, priority }) => [
    name,
    priority
  ]));
  return {
    ...gradeExposure({
      permissions,
      hooks,
      sandbox,
      jitless: entry.jitless === true,
      signer: {
        trusted: refusal === void 0,
        expires: statement?.expiresAt !== void 0
      },
      hostFilesKnown,
      hostIsRoot: hostIsRoot()
    }),
    network: net,
    reads: read,
    writes: write,
    system: sys,
    services: Object.entries(context).map(([key, access]) => `${key} (${access})`),
    hooks: permissions.hooks.map((name) => {
      const priority = priorities.get(name);
      return priority === void 0 ? name : `${name} (priority ${priority})`;
    }),
    notContained: sandbox.missing
  };
}
function toDocument(inspection, exposure) {
  const { manifest, bundleHash, files, signatures, statement, refusal, denial, launch } = inspection;
  const { name, version, author, description, license, entry, sdk } = manifest;
  const { permissions = {}, storage, context = [], hooks = [], limits = {} } = manifest;
  const problem = refusal ?? denial;
  const { items: _items, dropped = [], ...effective } = launch?.permissions ?? {};
  return {
    ...{
      name,
      version,
      author,
      description,
      license,
      entry,
      sdk,
      bundleHash,
      files
    },
    totalBytes: files.reduce((sum, file) => sum + file.size, 0),
    signatures,
    createdAt: statement?.createdAt,
    expiresAt: statement?.expiresAt,
    trusted: refusal === void 0,
    wouldLoad: problem === void 0,
    reason: problem && reasonJson(problem),
    requested: {
      permissions,
      storage,
      context,
      hooks,
      limits,
      dependencies: manifest.dependencies ?? {}
    },
    consent: inspection.consent,
    granted: inspection.entry.grant ?? {},
    missing: {
      excess: dropped,
      context: inspection.missingServices,
      policy: inspection.missingPolicy
    },
    ...launch && {
      effective: {
        ...effective,
        dropped
      },
      launch: {
        ...launch.command,
        givenUp: launch.givenUp
      },
      sandbox: launch.sandbox,
      exposure
    }
  };
}
function reasonJson(error) {
  const { code, message, hint } = describeFailure(error);
  return {
    code,
    message,
    hint
  };
}

// src/cli/terminal/io.ts
var OutputClosed = class extends Error {
  /** Makes the error. */
  constructor() {
    super("stdout is closed");
    this.name = "OutputClosed";
  }
};
var RETRY_MS = 5;
function processIo() {
  return {
    writeOut(text2) {
      try {
        writeAll(Deno.stdout, text2);
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
        throw cannotWrite2(error);
      }
    },
    writeErr(text2) {
      try {
        writeAll(Deno.stderr, text2);
      } catch {
      }
    },
    stdin: () => Deno.stdin.readable,
    outIsTerminal: Deno.stdout.isTerminal(),
    errIsTerminal: Deno.stderr.isTerminal(),
    noColor: Deno.noColor,
    ...Deno.stdin.isTerminal() && Deno.stderr.isTerminal() ? {
      terminal: TERMINAL
    } : {}
  };
}
var READ_BYTES = 1024;
var TERMINAL = {
  async raw(act) {
    using interrupt = listenForInterrupt();
    const { promise: interrupted, reject } = Promise.withResolvers();
    interrupted.catch(() => {
    });
    interrupt.signal.addEventListener("abort", () => reject(new InterruptedError("Nothing was changed")));
    Deno.stdin.setRaw(true);
    try {
      return await act(() => Promise.race([
        readStdin2(),
        interrupted
      ]));
    } finally {
      Deno.stdin.setRaw(false);
    }
  }
};
async function readStdin2() {
  const bytes = new Uint8Array(READ_BYTES);
  const length = await Deno.stdin.read(bytes);
  return length === null ? null : bytes.subarray(0, length);
}
function cannotWrite2(cause) {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError("bad-config", `Cannot write the output: ${reason}`, {
    hint: "Check where stdout is redirected to, and the room on its disk",
    cause
  });
}
function writeAll(to, text2) {
  let rest = new TextEncoder().encode(text2);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(to.writeSync(rest));
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

// src/cli/keys/key_files.ts
var MAX_PUBLIC_BYTES = 4096;
var PRIVATE_MODE = 384;
var PUBLIC_MODE = 420;
var EXISTS_HINT = "Choose another name, or pass --force to replace the key; plugins must be signed again";
async function writeKeyFiles(dir, privateKey, publicKey, force) {
  await Deno.mkdir(dir, {
    recursive: true,
    mode: 448
  }).catch((cause) => {
    const isFile2 = cause instanceof Deno.errors.AlreadyExists;
    throw cannotWrite(dir, isFile2 ? new Error("it is not a folder") : cause, EXISTS_HINT);
  });
  if (force) return await replaceFiles(privateKey, publicKey);
  await createFile(privateKey, PRIVATE_MODE);
  await createFile(publicKey, PUBLIC_MODE).catch(async (error) => {
    await Deno.remove(privateKey.path);
    throw error;
  });
}
async function createFile({ path: path2, text: text2 }, mode) {
  try {
    await writeNewFile(path2, text2, {
      mode
    });
  } catch (cause) {
    throw cannotWrite(path2, cause, EXISTS_HINT);
  }
}
async function replaceFiles(privateKey, publicKey) {
  for (const { path: path2 } of [
    privateKey,
    publicKey
  ]) {
    const there = await Deno.lstat(path2).catch(() => void 0);
    if (there?.isDirectory) throw cannotWrite(path2, new Error("it is a folder"), EXISTS_HINT);
  }
  const suffix = `.${crypto.randomUUID()}.tmp`;
  const beside = ({ path: path2, text: text2 }) => ({
    path: `${path2}${suffix}`,
    text: text2
  });
  const before = await readNamedFile(publicKey.path, MAX_PUBLIC_BYTES).catch(() => void 0);
  try {
    await createFile(beside(privateKey), PRIVATE_MODE);
    await createFile(beside(publicKey), PUBLIC_MODE);
    await Deno.rename(`${publicKey.path}${suffix}`, publicKey.path);
    await Deno.rename(`${privateKey.path}${suffix}`, privateKey.path).catch(async (error) => {
      if (before === void 0) await Deno.remove(publicKey.path);
      else await Deno.writeFile(publicKey.path, before);
      throw error;
    });
  } catch (cause) {
    for (const file of [
      privateKey,
      publicKey
    ]) {
      await Deno.remove(beside(file).path).catch(() => {
      });
    }
    throw cause instanceof SallyportError ? cause : cannotWrite(privateKey.path, cause, EXISTS_HINT);
  }
}

// src/cli/keys/command.ts
var NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
function addKeygen(program2, context) {
  program2.command("keygen").description("make an Ed25519 key pair: NAME.key (private) and NAME.pub").argument("<name>", "the name of the key").option("--dir <dir>", "where to write the files", "keys").option("--seal", "seal the private key with a passphrase").option("--passphrase-file <file>", "the file with that passphrase (none: asked for)").option("--force", "replace files that are there").action((name, options) => keygen(name, options, context));
}
async function keygen(name, options, context) {
  if (!NAME.test(name)) {
    throw new UsageError(`Cannot use "${name}" as the name of a key`, "Use at most 64 letters, digits, dots, _ and -, the first a letter or digit; --dir names the folder");
  }
  const { output } = context;
  const { seal = false, passphraseFile } = options;
  if (!seal && passphraseFile !== void 0) {
    throw new UsageError("Cannot use --passphrase-file without --seal", "Pass --seal as well");
  }
  const dir = options.dir.replace(/(?<=.)\/+$/, "");
  const privateKeyFile = `${dir}/${name}.key`;
  const publicKeyFile = `${dir}/${name}.pub`;
  const secret = seal ? await readNewSecret({
    passphraseFile
  }, context, `"${privateKeyFile}"`, "--passphrase-file") : void 0;
  const pair = await generateKeyPair();
  const text2 = secret === void 0 ? encodePrivateKeyPem(pair.privateKey) : await encodeSealedKeyPem(pair.privateKey, secret);
  await writeKeyFiles(dir, {
    path: privateKeyFile,
    text: text2
  }, {
    path: publicKeyFile,
    text: encodePublicKeyPem(pair.publicKey)
  }, options.force === true);
  warnIfChangeable(privateKeyFile, "the private key", output);
  const id = keyId(pair.publicKey);
  const publicKey = encodeHex(pair.publicKey);
  output.result({
    name,
    keyId: id,
    publicKey,
    privateKeyFile,
    publicKeyFile,
    sealed: seal
  }, () => [
    `Made key ${output.style("bold", escapeText(name))}`,
    ...columns([
      [
        "key id",
        id
      ],
      [
        "public key",
        publicKey
      ],
      [
        "private",
        `${escapeText(privateKeyFile)} (signs as you${seal ? ", with its passphrase" : ""})`
      ],
      [
        "public",
        `${escapeText(publicKeyFile)} (for those who are to trust you)`
      ]
    ])
  ]);
}

// src/cli/new/command.ts
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

// src/cli/new/package_mapping.ts
var MAX_CONFIG_BYTES = 1048576;
var CONFIG_FILES = [
  "deno.json",
  "deno.jsonc",
  "package.json"
];
var PACKAGE = /"@sallyport\/host"/;
async function findMapping(dir) {
  let nearest;
  for (let folder = dir.replaceAll("\\", "/"); ; folder = folder.replace(/\/[^/]*$/, "")) {
    for (const name of CONFIG_FILES) {
      const path2 = `${folder}/${name}`;
      const bytes = await readNamedFile(path2, MAX_CONFIG_BYTES).catch(() => void 0);
      if (bytes === void 0) continue;
      const text2 = new TextDecoder().decode(bytes);
      if (PACKAGE.test(text2)) return {
        kind: "mapped",
        path: path2
      };
      nearest ??= path2;
    }
    if (!folder.includes("/")) break;
  }
  return nearest === void 0 ? {
    kind: "no-config"
  } : {
    kind: "unmapped",
    path: nearest
  };
}

// src/cli/new/templates.ts
var PACKAGE2 = "@sallyport/host";
function manifestFile(name) {
  const manifest = {
    $schema: manifestJsonSchema().$id,
    name,
    version: "0.1.0",
    description: "Says what the plugin does, in one sentence",
    entry: "main.ts",
    sdk: `^${VERSION}`
  };
  return `${JSON.stringify(manifest, null, 2)}
`;
}
function gitAttributes() {
  return "# what is signed keeps its bytes: no line ends are converted\n* -text\n";
}
function entryModule() {
  return `import { definePlugin } from "${PACKAGE2}/plugin";

export default definePlugin({
  init(ctx) {
    ctx.log.debug("ready");
  },

  methods: {
    /** Greets somebody. */
    greet({ name }: { name: string }): string {
      return \`Hello, \${name}!\`;
    },

    /** Counts down to one; a generator streams its items. */
    async *countdown({ from }: { from: number }): AsyncGenerator<number> {
      for (let n = from; n > 0; n--) yield n;
    },
  },
});
`;
}
function testModule(name) {
  return `import assert from "node:assert/strict";
import { loadForTest } from "${PACKAGE2}/testing";

type Module = typeof import("./${name}/main.ts");

const bundle = new URL("./${name}/", import.meta.url);

Deno.test("greet() greets by name", async () => {
  await using loaded = await loadForTest<Module>(bundle);
  const greeting = await loaded.plugin.call("greet", { name: "Ada" });
  assert.equal(greeting, "Hello, Ada!");
});

Deno.test("countdown() streams down to one", async () => {
  await using loaded = await loadForTest<Module>(bundle);
  const items = loaded.plugin.stream("countdown", { from: 3 });
  assert.deepEqual(await Array.fromAsync(items), [3, 2, 1]);
});
`;
}
function denoJson(checkout2) {
  const config = {
    imports: {
      [PACKAGE2]: `jsr:${PACKAGE2}@^${VERSION}`
    },
    ...checkout2 === void 0 ? {} : {
      links: [
        checkout2
      ]
    }
  };
  return `${JSON.stringify(config, null, 2)}
`;
}

// src/cli/new/command.ts
var NAME2 = /^[a-z][a-z0-9_-]{0,63}$/;
function addNew(program2, context) {
  program2.command("new").description("make a plugin that loads: manifest, typed entry, and a test beside its folder").argument("<name>", "the name of the plugin").option("--dir <dir>", "the folder of your plugins", "plugins").action((name, options) => createPlugin(name, options.dir, context));
}
async function createPlugin(name, folder, { output }) {
  if (!NAME2.test(name)) {
    throw new UsageError(`Cannot use "${name}" as the name of a plugin`, "Use at most 64 lower-case letters, digits, _ and -, the first a letter");
  }
  const parent = folder.replace(/(?<=.)\/+$/, "");
  const dir = `${parent}/${name}`;
  const test = `${parent}/${name}_test.ts`;
  const isBelow = !/^(?:[\\/]|[A-Za-z]:)/.test(parent) && !parent.split(/[\\/]/).includes("..");
  const root = isBelow ? "" : `${parent}/`;
  const absolute = () => Deno.realPath(parent).catch(() => resolve(parent));
  const mapping = await findMapping(isBelow ? Deno.cwd() : await absolute());
  const files = [
    [
      `${dir}/plugin.json`,
      manifestFile(name)
    ],
    [
      `${dir}/main.ts`,
      entryModule()
    ],
    [
      `${dir}/.gitattributes`,
      gitAttributes()
    ],
    [
      test,
      testModule(name)
    ]
  ];
  if (mapping.kind === "no-config") files.push([
    `${root}deno.json`,
    denoJson(checkout())
  ]);
  await writeAll2(parent, dir, files);
  const next = [
    ...mapping.kind === "unmapped" ? [
      addition(escapeText(mapping.path))
    ] : [],
    isBelow ? `deno test -A ${shellWord(test)}` : `cd ${shellWord(parent)} && deno test -A ${name}_test.ts`,
    commandLine([
      "sign",
      dir,
      "--key",
      "keys/NAME.key"
    ])
  ];
  output.result({
    name,
    dir,
    files: files.map(([path2]) => path2),
    next
  }, () => [
    `Made plugin ${output.style("bold", name)}`,
    ...files.map(([path2]) => `  ${escapeText(path2)}`),
    "Next:",
    ...columns(next.map((line, index) => [
      `${index + 1}.`,
      line
    ]))
  ]);
}
function checkout() {
  const root = new URL(packageRoot());
  if (root.protocol !== "file:" || Deno.build.standalone) return void 0;
  return fileURLToPath(root).replace(/[\\/]$/, "");
}
function addition(config) {
  const folder = checkout();
  return folder === void 0 ? `deno add jsr:@sallyport/host   (${config} does not name the package)` : `add ${JSON.stringify(JSON.parse(denoJson(folder))).slice(1, -1)} to ${config}`;
}
async function writeAll2(parent, dir, files) {
  const written = [];
  let path2 = dir;
  try {
    await Deno.mkdir(parent, {
      recursive: true
    });
    await Deno.mkdir(dir);
    written.push(dir);
    for (const [file, text2] of files) {
      path2 = file;
      await Deno.writeTextFile(file, text2, {
        createNew: true
      });
      written.push(file);
    }
  } catch (cause) {
    for (const made of written.reverse()) await Deno.remove(made);
    const hint = "Choose another name, or another folder with --dir; nothing is ever overwritten";
    throw cannotWrite(path2, cause, hint);
  }
}

// src/cli/quarantine/command.ts
var HELP2 = `
DIR is the data folder of a host. Both commands can be used while hosts run: a plugin that was lifted
can be loaded at once.

  sallyport quarantine list data
  sallyport quarantine lift data word-count`;
var NAME3 = /^[a-z][a-z0-9_-]{0,63}$/;
var HASH_DIGITS2 = 16;
function addQuarantine(program2, context) {
  const quarantine = program2.command("quarantine").description("plugins that are not loaded until you say so: list, lift").addHelpText("after", withProgram(HELP2));
  quarantine.command("list").description("show which plugins are in quarantine, since when and why").argument("<dir>", "the data folder of a host").action((dir) => list(dir, context));
  quarantine.command("lift").description("let plugins be loaded again").argument("<dir>", "the data folder of a host").argument("<name...>", "the plugins").action((dir, names) => lift(dir, names, context));
}
async function list(dir, { output }) {
  const quarantine = await openQuarantine(dir);
  const entries = await quarantine.list();
  output.result({
    dir: quarantine.dir,
    plugins: entries.map(entryDocument)
  }, () => entries.length === 0 ? [
    "No plugin is in quarantine"
  ] : entries.flatMap((entry) => [
    "",
    ...entryLines(entry, output)
  ]).slice(1));
}
async function lift(dir, given, { output }) {
  const names = [
    ...new Set(given)
  ];
  for (const name of names) {
    if (NAME3.test(name)) continue;
    throw new UsageError(`Cannot lift the quarantine of "${name}": it is no name of a plugin`, `See which plugins there are: ${commandLine([
      "quarantine",
      "list",
      dir
    ])}`);
  }
  const quarantine = await openQuarantine(dir);
  const missing = [];
  for (const name of names) if (!await quarantine.find(name)) missing.push(name);
  if (missing.length > 0) {
    const listed = missing.map((name) => `"${name}"`).join(", ");
    const are = missing.length === 1 ? "it is" : "they are";
    const message = `Cannot lift the quarantine of ${listed}: ${are} not in quarantine, nothing was lifted`;
    throw new SallyportError("bad-state", message, {
      hint: `See which plugins are: ${commandLine([
        "quarantine",
        "list",
        dir
      ])}`,
      details: {
        plugins: missing
      }
    });
  }
  const lifted = [];
  for (const name of names) {
    const entry = await quarantine.lift(name);
    if (entry !== void 0) lifted.push(entry);
  }
  output.result({
    dir: quarantine.dir,
    lifted: lifted.map(entryDocument)
  }, () => names.map((name) => `${output.style("green", "lifted")} ${name}`));
}
async function openQuarantine(dir) {
  const path2 = dir.replace(/(?<=.)\/+$/, "");
  for (const known of [
    "quarantine",
    "store"
  ]) {
    if (await Deno.stat(`${path2}/${known}`).then((stat) => stat.isDirectory, () => false)) {
      return new Quarantine(path2);
    }
  }
  const shown = escapeText(dir, 500);
  const message = `Cannot look into "${shown}": it is no data folder of a host, or may not be read`;
  throw new SallyportError("bad-config", message, {
    hint: "Name the folder that the host was given as dataDir"
  });
}
function entryDocument({ name, path: path2, record, problem }) {
  return {
    file: path2,
    name,
    ...record,
    ...problem === void 0 ? {} : {
      problem
    }
  };
}
function entryLines({ name, path: path2, record, problem }, output) {
  const title = output.style("bold", name);
  if (record === void 0) {
    const why = `cannot be read: ${escapeText(problem ?? "unknown")}`;
    return [
      title,
      ...columns([
        [
          "file",
          escapeText(path2)
        ],
        [
          "problem",
          output.style("red", why)
        ]
      ])
    ];
  }
  const { version, bundleHash, since, reason, violations } = record;
  const last = violations.at(-1);
  return [
    `${title} ${escapeText(version)}`,
    ...columns([
      [
        "since",
        shortDate(since)
      ],
      [
        "reason",
        output.style("red", escapeText(reason))
      ],
      [
        "bundle",
        `${bundleHash.slice(0, HASH_DIGITS2)}\u2026`
      ],
      [
        "last",
        last && `${plural(violations.length, "violation")}, the last at ${shortDate(last.time)}: ` + escapeText(`${last.kind}, ${last.severity}: ${last.message}`)
      ]
    ])
  ];
}

// src/cli/run/command.ts
import { dirname as dirname2 } from "node:path";

// src/cli/run/params.ts
var MAX_PARAMS_BYTES = 16 * 1024 * 1024;
async function readParams(source, io) {
  if (source === void 0) return void 0;
  if (source === "-") {
    return parseJson(decode(await readStdin(io, "the parameters", MAX_PARAMS_BYTES)), "stdin");
  }
  if (source.startsWith("@")) {
    const path2 = source.slice(1);
    return parseJson(await readSmallFile(path2, MAX_PARAMS_BYTES, "the parameters"), `"${path2}"`);
  }
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new UsageError(`Cannot use --params: it is not JSON: ${cause.message}`, `Quote it for the shell, as in --params '{"text":"hello"}', or use @FILE or - for stdin`);
  }
}
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", {
      fatal: true
    }).decode(bytes);
  } catch (cause) {
    throw unusable("stdin", "not UTF-8", cause);
  }
}
function parseJson(text2, source) {
  try {
    return JSON.parse(text2);
  } catch (cause) {
    throw unusable(source, `not JSON: ${cause.message}`, cause);
  }
}
function unusable(source, why, cause) {
  return new SallyportError("bad-config", `Cannot use the parameters in ${source}: ${why}`, {
    hint: "Write one JSON value there",
    cause
  });
}

// src/cli/run/command.ts
var DRAIN_MS = 1e3;
var MAX_TIMEOUT_MS = 2 ** 31 - 1;
var MAX_SHOWN_METHODS = 20;
function addRun(program2, context) {
  const command = program2.command("run").description("load a plugin, call a method, print the result; its log goes to stderr").argument("<dir>", "the folder of the bundle");
  addTrustOptions(command).requiredOption("--call <method>", "the method to call (required)").option("--params <json>", "its parameters: JSON, @FILE, or - for stdin").option("--timeout <ms>", "how long the call may take (at most its callTimeoutMs)", parseTimeout).option("--stream", "call a generator method: one item a line; with --json an array of all").action((dir, options) => run(dir, options, context));
}
async function run(dir, options, context) {
  const { io, output } = context;
  const params = await readParams(options.params, io);
  using interrupt = listenForInterrupt();
  let methods = [];
  try {
    await using host = await interrupt.race(PluginHost.open({
      ...trustedHostOptions(options, output),
      times: {
        drainMs: DRAIN_MS
      }
    }));
    const plugin = await load(host, dir, interrupt.signal);
    methods = plugin.methods;
    const callOptions = {
      signal: interrupt.signal,
      timeoutMs: options.timeout
    };
    if (options.stream) await printStream(plugin, options.call, params, callOptions, context);
    else {
      const result = await plugin.call(options.call, params, callOptions);
      output.result({
        result
      }, () => [
        toJson(result, true)
      ]);
    }
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    if (interrupt.signal.aborted) throw new InterruptedError();
    throw hinted(error, options, methods);
  }
}
function hinted(error, { call, stream }, methods) {
  if (!(error instanceof SallyportError)) return error;
  const { code, message, details } = error;
  if (code === "method-not-found" && methods.length > 0 && !methods.includes(call)) {
    const shown = methods.slice(0, MAX_SHOWN_METHODS).map((name) => `"${name}"`).join(", ");
    const hint = `Its methods are ${shown}${methods.length > MAX_SHOWN_METHODS ? ", \u2026" : ""}`;
    return new SallyportError(code, message, {
      hint,
      details: {
        ...details,
        methods
      },
      cause: error
    });
  }
  if (code === "plugin-error" && details.code === `use-${stream ? "call" : "stream"}`) {
    const hint = stream ? "Leave out --stream" : "Pass --stream";
    return new SallyportError(code, message, {
      hint,
      details,
      cause: error
    });
  }
  return error;
}
async function load(host, dir, signal) {
  try {
    return await host.load(dir, {
      signal
    });
  } catch (error) {
    if (!(error instanceof SallyportError) || error.details.missing === void 0) throw error;
    await host.discover(dirname2(await Deno.realPath(dir)), {
      signal
    });
    return await host.load(dir, {
      signal
    });
  }
}
async function printStream(plugin, method, params, options, { output }) {
  const items = [];
  for await (const item of plugin.stream(method, params, options)) {
    if (output.json) items.push(item);
    else output.line(toJson(item, false));
  }
  if (output.json) output.result({
    result: items
  }, () => []);
}
function parseTimeout(text2) {
  const value = Number(text2);
  if (/^\d+$/.test(text2) && value > 0 && value <= MAX_TIMEOUT_MS) return value;
  throw new InvalidArgumentError(`It must be 1 to ${MAX_TIMEOUT_MS} milliseconds`);
}

// src/cli/sign/command.ts
var REPLACED = {
  changed: "the earlier signatures were dropped, because the bundle has changed since",
  expiry: "the earlier signatures were dropped, because they are for another expiry date",
  unreadable: "the earlier plugin.sig.json was dropped, because it was not a readable envelope"
};
var MAX_NAMED = 40;
function addSign(program2, context) {
  program2.command("sign").usage("DIR --key FILE\u2026 [--expires DATE] [--out DIR]").description("sign a bundle: check it, and write plugin.sig.json or add to it").argument("<dir>", "the folder of the bundle").argument("[keys...]", "more private keys").requiredOption("--key <file>", "a private key, such as keys/NAME.key (required, repeatable)", collect).option("--expires <date>", "from when on the signature is no longer valid: 2027-01-31 (UTC) or 2027-01-31T12:00:00Z").option("--passphrase-file <file>", "the passphrase of sealed keys (none: asked for; repeatable, each is tried)", collect).option("--out <dir>", "sign a copy in a new folder, without what .sallyportignore and its defaults name").action((dir, more, options) => sign(dir, [
    ...options.key,
    ...more
  ], options, context));
}
async function sign(dir, keyFiles, { expires, out, passphraseFile: passphraseFiles = [] }, context) {
  const { output } = context;
  const expiresAt = parseFutureDate(expires, "expiry");
  if (keyFiles.length > MAX_SIGNATURES) {
    throw new UsageError(`Cannot sign with ${keyFiles.length} keys, at most ${MAX_SIGNATURES}`);
  }
  const seeds = await readPrivateKeys(keyFiles, passphraseFiles, "--passphrase-file", context);
  const signed = await signBundle(dir, seeds, {
    expiresAt,
    out
  });
  const statement = parseStatement(signed.envelope.payload);
  const signatures = signed.envelope.signatures.length;
  const { name, version } = statement;
  const { bundleHash, keyIds, added, replaced, leftOut } = signed;
  const files = statement.files.map(({ path: path2 }) => path2);
  if (replaced !== void 0) output.warn(REPLACED[replaced]);
  output.result({
    name,
    version,
    bundleHash,
    keyIds,
    added,
    signatures,
    dir: out ?? dir,
    files,
    leftOut,
    expiresAt: statement.expiresAt,
    replaced
  }, () => [
    `${added === 0 ? "Already signed" : "Signed"} ${output.style("bold", `${escapeText(name)} ${escapeText(version)}`)} with ${plural(keyIds.length, "key")}`,
    ...columns([
      [
        "bundle hash",
        bundleHash
      ],
      [
        "key ids",
        keyIds.join(", ")
      ],
      [
        "signatures",
        `${signatures} (${added} new)`
      ],
      [
        "copy",
        out === void 0 ? void 0 : `"${escapeText(out)}"`
      ],
      [
        "expires",
        statement.expiresAt ?? "never"
      ],
      [
        "files",
        String(files.length)
      ]
    ]),
    ...named(files),
    ...leftOut.length === 0 ? [] : [
      `  left out: ${leftOut.length}`,
      ...named(leftOut)
    ]
  ]);
}
function named(paths) {
  const lines = paths.slice(0, MAX_NAMED).map((path2) => `    ${escapeText(path2, 300)}`);
  return paths.length > MAX_NAMED ? [
    ...lines,
    `    and ${paths.length - MAX_NAMED} more: --json names all`
  ] : lines;
}

// src/cli/top/command.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/cli/top/cells.ts
var BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
var UNITS = [
  "B",
  "K",
  "M",
  "G",
  "T",
  "P"
];
var SPANS = [
  [
    "d",
    864e5
  ],
  [
    "h",
    36e5
  ],
  [
    "m",
    6e4
  ],
  [
    "s",
    1e3
  ]
];
var UNKNOWN = "-";
function bytesCell(bytes) {
  if (bytes === void 0) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1024;
  const decimals = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(decimals)}${UNITS[unit]}`;
}
function percentCell(percent) {
  if (percent === void 0) return UNKNOWN;
  return percent < 99.95 ? percent.toFixed(1) : percent.toFixed(0);
}
function countCell(value, decimals = false) {
  if (value === void 0) return UNKNOWN;
  if (value < 999.5) return value.toFixed(decimals && value < 99.95 && value !== 0 ? 1 : 0);
  for (const [unit, size] of [
    [
      "k",
      1e3
    ],
    [
      "M",
      1e6
    ],
    [
      "G",
      1e9
    ]
  ]) {
    const scaled = value / size;
    if (scaled < 999.5 || unit === "G") return `${scaled.toFixed(scaled < 9.95 ? 1 : 0)}${unit}`;
  }
  return UNKNOWN;
}
function spanCell(ms) {
  const span = Math.max(0, ms);
  if (span < 1e4) return `${Number((span / 1e3).toFixed(1))}s`;
  const index = SPANS.findIndex(([, size2]) => span >= size2);
  const [unit, size] = SPANS[index];
  const [lesser, part] = SPANS[index + 1] ?? [
    "",
    Infinity
  ];
  const rest = Math.floor(span % size / part);
  return `${Math.floor(span / size)}${unit}${rest === 0 ? "" : ` ${rest}${lesser}`}`;
}
function sparkline(values, width, most) {
  return values.slice(-width).map((value) => {
    const step = Math.floor(value / most * BARS.length);
    return BARS[Math.max(0, Math.min(BARS.length - 1, step))];
  }).join("");
}
function plainText(text2) {
  return escapeText(text2).replace(/[^\u0020-\u007e]/gu, (character) => character === "\u2026" ? "..." : `\\u{${character.codePointAt(0).toString(16).padStart(4, "0")}}`);
}
function clip(text2, width) {
  if (text2.length <= width) return text2;
  const characters = [
    ...text2
  ];
  return characters.length <= width ? text2 : `${characters.slice(0, width - 1).join("")}\u2026`;
}

// src/cli/top/status.ts
var text = string().max(1e3);
var time = iso_exports.datetime({
  offset: true
}).max(64);
var amount = number().nonnegative();
var count = int().nonnegative();
var pid = int().positive();
var hash = string().regex(/^[0-9a-f]{128}$/, "must be 128 hexadecimal digits");
var FIGURES = [
  ...[
    "memoryBytes",
    "peakMemoryBytes",
    "heapUsedBytes",
    "heapTotalBytes"
  ],
  ...[
    "externalBytes",
    "cpuTimeMs",
    "threads",
    "fileDescriptors",
    "connections"
  ],
  "storageBytes"
];
var SOURCES = [
  "cgroup",
  "proc",
  "platform",
  "plugin",
  "proxy",
  "files"
];
var SAMPLE = strictObject({
  time,
  plugin: text,
  version: text,
  bundleHash: hash,
  pid,
  sources: partialRecord(_enum(FIGURES), _enum(SOURCES)),
  elapsedMs: amount,
  ...each(FIGURES, amount.optional()),
  ...each([
    "threads",
    "refusedThreads",
    "fileDescriptors",
    "connections",
    "storageWalks"
  ], count.optional()),
  storageUncounted: literal(true).optional(),
  callsInFlight: count.optional(),
  ...each([
    ...[
      "cpuPercent",
      "throttledPercent",
      "callsPerSecond",
      "messagesPerSecond"
    ],
    ...[
      "unaskedPerSecond",
      "messagesSentPerSecond",
      "bytesReceivedPerSecond"
    ],
    ...[
      "bytesSentPerSecond",
      "logLinesPerSecond",
      "hostPercent",
      "hostHeldPercent"
    ]
  ], amount.optional())
});
var PLUGIN = strictObject({
  name: text,
  version: text.optional(),
  bundleHash: hash.optional(),
  state: _enum(PLUGIN_STATES),
  pid: pid.optional(),
  sandbox: _enum([
    "bwrap",
    "unshare",
    "plain"
  ]).optional(),
  restarts: count,
  violations: count,
  calls: strictObject({
    total: count,
    failed: count,
    inFlight: count,
    perSecond: amount
  }),
  memoryLimitBytes: amount.optional(),
  sample: SAMPLE.optional(),
  history: array(amount).max(MAX_HISTORY).optional(),
  error: strictObject({
    code: _enum(SALLYPORT_ERROR_CODES),
    message: text
  }).optional()
});
var STATUS = strictObject({
  schema: literal(1),
  host: strictObject({
    pid,
    startedAt: time,
    version: text
  }),
  time,
  intervalMs: number().min(1).max(864e5),
  plugins: array(PLUGIN).max(MAX_STATUS_PLUGINS),
  omitted: count.optional()
});
async function readStatus(path2) {
  using file = openNoFollow(path2);
  if (!file.info.isFile()) throw new Error("it is not a regular file");
  const bytes = await readAtMost(file, MAX_STATUS_BYTES);
  if (bytes === void 0) throw new Error(`it is larger than ${MAX_STATUS_BYTES} bytes`);
  return parseStatus(bytes);
}
function parseStatus(bytes) {
  const value = parseStrictJson(bytes);
  const { schema } = value ?? {};
  if (typeof schema === "number" && schema !== 1) {
    throw new Error(`it is of form ${schema}, and this version knows form 1 only`);
  }
  const parsed = STATUS.safeParse(value, PARSING);
  if (!parsed.success) throw new Error(joinIssues(describeIssues(parsed.error.issues).slice(0, 3)));
  return parsed.data;
}
function each(names, type) {
  return Object.fromEntries(names.map((name) => [
    name,
    type
  ]));
}

// src/cli/top/hosts.ts
var LOCK = /^([0-9A-Za-z-]{1,64})\.lock$/;
var MAX_ENTRIES = 1e4;
var MAX_HOSTS = 100;
var STALE_INTERVALS = 3;
var MIN_STALE_MS = 1e3;
async function viewHosts(dataDir) {
  const root = dataDir.replace(/(?<=.)\/+$/, "");
  const runs = await listRuns(`${root}/run`, dataDir);
  const running = [];
  const leftBehind = [];
  for (const run2 of runs) {
    const held = await isHeld(`${root}/run/${run2}.lock`);
    if (held !== void 0) (held ? running : leftBehind).push(run2);
  }
  const hosts = [];
  for (const run2 of running.slice(0, MAX_HOSTS)) {
    hosts.push(await viewHost(run2, `${root}/run/${run2}/${STATUS_FILE}`));
  }
  const more = running.length - hosts.length;
  return {
    dataDir: root,
    time: /* @__PURE__ */ new Date(),
    hosts,
    leftBehind,
    more
  };
}
function ageOf({ time: time2, intervalMs }, now) {
  const ageMs = now.getTime() - new Date(time2).getTime();
  return {
    ageMs,
    stale: Math.abs(ageMs) > Math.max(STALE_INTERVALS * intervalMs, MIN_STALE_MS)
  };
}
async function listRuns(folder, dataDir) {
  const runs = [];
  let seen = 0;
  try {
    for await (const { name, isFile: isFile2 } of Deno.readDir(folder)) {
      if (++seen > MAX_ENTRIES) break;
      const run2 = LOCK.exec(name)?.[1];
      if (run2 !== void 0 && isFile2) runs.push(run2);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const reason = cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory ? "it is no data folder of a host" : cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError("bad-config", `Cannot look into "${escapeText(dataDir, 500)}": ${escapeText(reason)}`, {
      hint: "Name with --data-dir the folder that the host was given as dataDir",
      cause
    });
  }
  return runs.sort();
}
async function isHeld(path2) {
  try {
    using file = await Deno.open(path2);
    return !await file.tryLock(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return void 0;
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}
async function viewHost(run2, file) {
  try {
    return {
      run: run2,
      file,
      status: await readStatus(file)
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const missing = error.code === "ENOENT";
    const message = error instanceof Error ? error.message : String(error);
    return {
      run: run2,
      file,
      problem: missing ? "it has not published its status" : `its status cannot be read: ${escapeText(message, 500)}`
    };
  }
}

// src/cli/top/table.ts
var SORT_KEYS = Object.freeze([
  "cpu",
  "memory",
  "calls",
  "name"
]);
var STATE_STYLES = {
  available: "dim",
  untrusted: "red",
  starting: "yellow",
  active: "green",
  draining: "yellow",
  inactive: "dim",
  failed: "red",
  quarantined: "red"
};
var NAME4 = {
  title: "PLUGIN",
  keep: 99,
  left: true,
  cell: ({ name }) => plainText(name)
};
var MIN_HISTORY = 8;
var HISTORY = {
  title: "HISTORY",
  keep: 4,
  width: MIN_HISTORY,
  cell: () => ""
};
var COLUMNS = [
  {
    title: "VERSION",
    keep: 1,
    left: true,
    cell: ({ version }) => version === void 0 ? UNKNOWN : clip(plainText(version), 16)
  },
  {
    title: "STATE",
    keep: 10,
    left: true,
    cell: ({ state }) => state,
    style: ({ state }) => STATE_STYLES[state]
  },
  {
    title: "CPU%",
    keep: 9,
    cell: ({ sample }) => percentCell(sample?.cpuPercent),
    style: ({ sample }) => (sample?.cpuPercent ?? 0) >= 80 ? "yellow" : void 0
  },
  {
    title: "MEMORY",
    keep: 8,
    width: 9,
    cell: memoryCell,
    style: memoryStyle
  },
  {
    title: "THR",
    keep: 3,
    cell: ({ sample }) => countCell(sample?.threads)
  },
  {
    title: "CALLS/S",
    keep: 7,
    cell: ({ calls }) => countCell(calls.perSecond, true)
  },
  {
    title: "WAIT",
    keep: 5,
    cell: ({ calls }) => countCell(calls.inFlight)
  },
  {
    title: "VIOL",
    keep: 6,
    cell: ({ violations }) => countCell(violations),
    style: ({ violations }) => violations > 0 ? "yellow" : void 0
  },
  {
    title: "RST",
    keep: 2,
    cell: ({ restarts }) => countCell(restarts),
    style: ({ restarts }) => restarts > 0 ? "yellow" : void 0
  },
  HISTORY
];
var GAP = 2;
var MAX_HISTORY2 = 60;
var PRINTED_HISTORY = 30;
var KEPT_NAME = 16;
var LEAST_SCALE = 10;
function sortPlugins(plugins, by) {
  const figure = ({ sample, calls }) => {
    if (by === "cpu") return sample?.cpuPercent ?? -1;
    if (by === "memory") return sample?.memoryBytes ?? -1;
    return by === "calls" ? calls.perSecond : 0;
  };
  return [
    ...plugins
  ].sort((a, b) => figure(b) - figure(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
function pluginTable(plugins, width, output) {
  const widthOf = (column) => plugins.reduce((width2, plugin) => Math.max(width2, column.cell(plugin).length), Math.max(column.title.length, column.width ?? 0));
  const nameWidth = widthOf(NAME4);
  let left = width - Math.min(nameWidth, KEPT_NAME);
  const kept = /* @__PURE__ */ new Map();
  for (const column of COLUMNS.toSorted((a, b) => b.keep - a.keep)) {
    const needed = GAP + widthOf(column);
    if (needed > left) break;
    left -= needed;
    kept.set(column, needed - GAP);
  }
  const withHistory = kept.delete(HISTORY);
  const nameRoom = Math.max(1, Math.min(nameWidth, KEPT_NAME + left));
  left -= nameRoom - Math.min(nameWidth, KEPT_NAME);
  const bars = Number.isFinite(width) ? Math.min(MAX_HISTORY2, left + MIN_HISTORY) : PRINTED_HISTORY;
  const most = Math.max(LEAST_SCALE, ...plugins.flatMap(({ history = [] }) => history));
  const longest = Math.min(bars, Math.max(0, ...plugins.map(({ history = [] }) => history.length)));
  const shown = COLUMNS.filter((column) => kept.has(column));
  const gap = " ".repeat(GAP);
  const line = (name, cells, history) => [
    clip(name, nameRoom).padEnd(nameRoom),
    ...cells,
    ...withHistory ? [
      history
    ] : []
  ].join(gap).trimEnd();
  const pad = (text2, column) => column.left ? text2.padEnd(kept.get(column)) : text2.padStart(kept.get(column));
  return [
    output.style("bold", line(NAME4.title, shown.map((each2) => pad(each2.title, each2)), "HISTORY")),
    ...plugins.map((plugin) => line(NAME4.cell(plugin), shown.map((column) => {
      const text2 = pad(column.cell(plugin), column);
      const style = column.style?.(plugin);
      return style === void 0 ? text2 : output.style(style, text2);
    }), sparkline(plugin.history ?? [], bars, most).padStart(longest)))
  ];
}
function memoryCell({ sample, memoryLimitBytes }) {
  const used = bytesCell(sample?.memoryBytes);
  if (memoryLimitBytes === void 0 || sample?.memoryBytes === void 0) return used;
  return `${used}/${bytesCell(memoryLimitBytes)}`;
}
function memoryStyle({ sample, memoryLimitBytes }) {
  if (sample?.memoryBytes === void 0 || !memoryLimitBytes) return void 0;
  const share = sample.memoryBytes / memoryLimitBytes;
  return share >= 0.9 ? "red" : share >= 0.75 ? "yellow" : void 0;
}

// src/cli/top/lines.ts
function topDocument(view, sort) {
  return {
    dataDir: view.dataDir,
    time: view.time.toISOString(),
    hosts: view.hosts.map(({ run: run2, file, status, problem }) => ({
      run: run2,
      file,
      ...status === void 0 ? {
        problem
      } : {
        ...ageOf(status, view.time),
        status: {
          ...status,
          plugins: sortPlugins(status.plugins, sort)
        }
      }
    })),
    ...view.more === 0 ? {} : {
      more: view.more
    },
    leftBehind: view.leftBehind
  };
}
function topLines(view, layout, output) {
  const lines = view.hosts.flatMap((host, index) => [
    ...index === 0 ? [] : [
      ""
    ],
    ...hostLines(host, view.time, layout, output)
  ]);
  const dim = (text2) => output.style("dim", clip(text2, layout.width));
  if (view.more > 0) lines.push("", dim(`${plural(view.more, "more host")} not shown`));
  const { length } = view.leftBehind;
  if (length > 0) {
    const what = length === 1 ? "1 run of a host that is gone is ignored" : `${length} runs of hosts that are gone are ignored`;
    lines.push("", dim(`${what}; the next host that starts here removes what they left`));
  }
  return lines;
}
function hostLines({ run: run2, status, problem }, now, layout, output) {
  if (status === void 0) {
    const text2 = clip(`host ${run2}: ${problem ?? "unknown"}`, layout.width);
    return [
      output.style("yellow", text2)
    ];
  }
  const { ageMs, stale } = ageOf(status, now);
  const lines = [
    clip(headOf(status, ageMs, now), layout.width)
  ];
  if (stale) lines.push(output.style("yellow", clip(staleText(status, ageMs), layout.width)));
  const plugins = sortPlugins(status.plugins, layout.sort);
  if (plugins.length === 0) lines.push("No plugins");
  else lines.push(...pluginTable(plugins, layout.width, output));
  for (const { name, error } of plugins) {
    if (error === void 0) continue;
    const text2 = `${plainText(name)}: ${error.code}: ${escapeText(error.message)}`;
    lines.push(output.style("red", clip(text2, layout.width)));
  }
  if (status.omitted) lines.push(`${plural(status.omitted, "more plugin")} left out`);
  return lines;
}
function headOf(status, ageMs, now) {
  const { host, plugins, intervalMs } = status;
  const up = now.getTime() - new Date(host.startedAt).getTime();
  return [
    `host ${host.pid}`,
    `sallyport ${clip(plainText(host.version), 32)}`,
    `up ${spanCell(up)}`,
    plural(plugins.length, "plugin"),
    `${countCell(plugins.reduce((sum, { calls }) => sum + calls.perSecond, 0), true)} calls/s`,
    `every ${spanCell(intervalMs)}`,
    ...ageMs >= 0 ? [
      `${spanCell(Math.floor(ageMs / 1e3) * 1e3)} ago`
    ] : []
  ].join("  ");
}
function staleText({ intervalMs }, ageMs) {
  return ageMs < 0 ? `stale: its clock is ${spanCell(-ageMs)} ahead of ours` : `stale: nothing new for ${spanCell(ageMs)}, although it samples every ${spanCell(intervalMs)}`;
}

// src/cli/top/command.ts
var HELP3 = `
Only hosts with a dataDir of their own can be seen. On a terminal the table is drawn anew until Ctrl-C
is pressed. Anywhere else, and with --json, it is printed once. CPU% is of one processor, MEMORY is what is used and the limit, THR counts threads, WAIT
calls without an answer yet, VIOL violations that count now, RST restarts. The highest bar of the
history is the same for all plugins of a host.

  sallyport top --data-dir data
  sallyport top --data-dir data --once --json`;
var CLEAR = "\x1B[2J";
var HOME = "\x1B[H";
var CLEAR_LINE = "\x1B[K";
var CLEAR_BELOW = "\x1B[J";
var MIN_INTERVAL_MS = 100;
var MAX_INTERVAL_MS = 36e5;
var DEFAULT_INTERVAL_MS = 1e3;
function addTop(program2, context) {
  program2.command("top").description("show what the plugins of running hosts do and use, live").option("--data-dir <dir>", "the folder that hosts have as dataDir", ".").option("--once", "print one table and exit").addOption(new Option("--interval <ms>", "how often to look, in milliseconds").argParser(parseInterval).default(DEFAULT_INTERVAL_MS)).addOption(new Option("--sort <by>", "what comes first").choices(SORT_KEYS).default("cpu")).addHelpText("after", withProgram(HELP3)).action((options) => top(options, context));
}
async function top({ dataDir, once, interval, sort }, { io, output }) {
  const view = await viewHosts(dataDir);
  if (view.hosts.length === 0) throw noHost(view);
  if (!once && !output.json && io.outIsTerminal) {
    return await follow(view, {
      interval,
      sort
    }, {
      io,
      output
    });
  }
  const width = io.outIsTerminal ? screenSize().columns : Infinity;
  output.result(topDocument(view, sort), () => topLines(view, {
    sort,
    width
  }, output));
}
async function follow(first, { interval, sort }, { io, output }) {
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  io.writeOut(CLEAR);
  for (let view = first; !signal.aborted; view = await viewHosts(first.dataDir)) {
    const frame = frameLines(view, sort, screenSize(), output);
    io.writeOut(HOME + frame.map((line) => `${line}${CLEAR_LINE}
`).join("") + CLEAR_BELOW);
    await sleep(interval, void 0, {
      signal
    }).catch(() => {
    });
  }
}
function frameLines(view, sort, { columns: columns2, rows }, output) {
  const width = Math.max(1, columns2 - 1);
  const lines = view.hosts.length > 0 ? topLines(view, {
    sort,
    width
  }, output) : [
    clip("No host runs here any more; waiting for one", width)
  ];
  const room = Math.max(1, rows - 2);
  const shown = lines.length <= room ? lines : lines.slice(0, room - 1);
  const clock = view.time.toISOString().slice(11, 19);
  const title = `sallyport top  ${clock}Z  by ${sort}  ${escapeText(view.dataDir, 500)}`;
  const more = lines.length - shown.length;
  return [
    output.style("bold", clip(title, width)),
    ...shown,
    ...more === 0 ? [] : [
      output.style("dim", clip(`${plural(more, "more line")}: see --once`, width))
    ]
  ];
}
function screenSize() {
  try {
    const { columns: columns2, rows } = Deno.consoleSize();
    if (columns2 > 0 && rows > 0) return {
      columns: columns2,
      rows
    };
  } catch {
  }
  return {
    columns: 80,
    rows: 24
  };
}
function noHost({ dataDir, leftBehind }) {
  const left = leftBehind.length === 0 ? "" : `, only ${plural(leftBehind.length, "run")} left behind by hosts that are gone`;
  const message = `Cannot show plugins of "${escapeText(dataDir, 500)}": no host runs there${left}`;
  return new SallyportError("bad-state", message, {
    hint: "Start a host with this folder as its dataDir, or name another one with --data-dir",
    details: {
      dataDir,
      leftBehind
    }
  });
}
function parseInterval(text2) {
  const value = Number(text2);
  const fits = value >= MIN_INTERVAL_MS && value <= MAX_INTERVAL_MS;
  if (/^\d{1,7}$/.test(text2) && fits) return value;
  throw new InvalidArgumentError(`It must be ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS}`);
}

// src/trust/list/change.ts
function cannot(action, subject, detail, hint) {
  return new SallyportError("bad-config", `Cannot ${action} "${escapeText(subject, 150)}": ${detail}`, {
    hint,
    details: {
      subject
    }
  });
}
function change(content, fields) {
  return checkTrustListContent({
    ...content,
    ...fields
  });
}
function toTime(name, date) {
  if (Number.isNaN(date.getTime())) {
    throw new RangeError(`Cannot change the trust list: "${name}" is not a valid date`);
  }
  return date.toISOString();
}
function defined(fields) {
  const entries = Object.entries(fields).filter(([, value]) => value !== void 0);
  return Object.fromEntries(entries);
}

// src/trust/list/key_changes.ts
function addKey(content, key) {
  const { id, raw } = parsePublicKey(key.publicKey, key.name);
  if (/^(?:[0-9a-f]{16}|[0-9a-f]{64})$/i.test(key.name)) {
    throw cannot("add key", key.name, "its name looks like a key", "Give it another name");
  }
  if (hasInvisible(key.name) || key.name !== key.name.normalize("NFKC").trim()) {
    const detail = "its name does not look like what it is, such as by a character that cannot be seen";
    throw cannot("add key", key.name, detail, "Give it a name of plain letters, digits and spaces");
  }
  const publicKey = encodeHex(raw);
  const same = content.keys.find((other) => other.publicKey === publicKey || toListKey(other).id === id);
  if (same !== void 0) {
    const revoked2 = same.revoked === void 0 ? "" : ", and revoked";
    const detail = `its key is there already as "${escapeText(same.name, 100)}"${revoked2}`;
    throw cannot("add key", key.name, detail, "Change that one, or add another key");
  }
  if (content.keys.some(({ name }) => name === key.name)) {
    throw cannot("add key", key.name, "another key has this name", "Give it another name");
  }
  const { notBefore, notAfter } = key;
  const listed = {
    name: key.name,
    publicKey,
    ...toWindow({
      notBefore,
      notAfter
    })
  };
  return change(content, {
    keys: [
      ...content.keys,
      listed
    ]
  });
}
function setKeyWindow(content, key, window) {
  return replaceKey(content, key, ({ name, publicKey, revoked: revoked2 }) => defined({
    name,
    publicKey,
    ...toWindow(window),
    revoked: revoked2
  }));
}
function removeKey(content, key, options = {}) {
  const { id, name, publicKey, revoked: revoked2 } = findKey(content, key);
  if (revoked2 !== void 0 && options.liftRevocation !== true) {
    throw cannot("remove key", name, `it is revoked from "${revoked2.from}" on: ${escapeText(revoked2.reason, 300)}`, "Leave it, or it could be added again as if nothing had been; --lift-revocation says you mean it");
  }
  const user = content.publishers.find(({ keys }) => keys.includes(id))?.namespace ?? content.plugins.find(({ keys }) => keys?.includes(id))?.name;
  if (user !== void 0) {
    throw cannot("remove key", name, `the list names it for "${user}"`, `Change or remove the entry for "${user}" first, or revoke the key`);
  }
  return change(content, {
    keys: content.keys.filter((other) => other.publicKey !== publicKey)
  });
}
function revokeKey(content, key, options) {
  const from = toTime("from", options.from ?? /* @__PURE__ */ new Date());
  return replaceKey(content, key, (listed) => {
    if (listed.revoked !== void 0 && listed.revoked.from <= from) {
      const detail = `it is revoked from "${listed.revoked.from}" on`;
      throw cannot("revoke key", listed.name, detail, "Nothing is left to do");
    }
    return {
      ...listed,
      revoked: {
        from,
        reason: options.reason
      }
    };
  });
}
function addPublisher(content, publisher, options = {}) {
  const { namespace, threshold } = publisher;
  const there = content.publishers.findIndex((other) => other.namespace === namespace);
  if (there !== -1 && options.replace !== true) {
    throw cannot("add publisher", namespace, "it is there already", "Ask for it to be replaced");
  }
  const entry = defined({
    namespace,
    keys: toKeyIds(content, publisher.keys),
    threshold
  });
  const publishers = there === -1 ? [
    ...content.publishers,
    entry
  ] : content.publishers.with(there, entry);
  return change(content, {
    publishers
  });
}
function removePublisher(content, namespace) {
  const publishers = content.publishers.filter((other) => other.namespace !== namespace);
  if (publishers.length === content.publishers.length) {
    throw cannot("remove publisher", namespace, "the list has none of this name", LIST_HINT);
  }
  return change(content, {
    publishers
  });
}
function toKeyIds(content, keys) {
  return [
    ...new Set(keys.map((key) => findKey(content, key).id))
  ];
}
var LIST_HINT = "Take the name from what `trust list` shows";
function toWindow({ notBefore, notAfter }) {
  return defined({
    notBefore: notBefore && toTime("notBefore", notBefore),
    notAfter: notAfter && toTime("notAfter", notAfter)
  });
}
function replaceKey(content, key, replace2) {
  const { publicKey } = findKey(content, key);
  const keys = content.keys.map((listed) => listed.publicKey === publicKey ? replace2(listed) : listed);
  return change(content, {
    keys
  });
}

// src/trust/list/changes.ts
function addPlugin(content, plugin, options = {}) {
  const { name, version, hash: hash2, threshold, note, asks } = plugin;
  const there = content.plugins.findIndex((other) => other.name === name && other.version === version);
  if (there !== -1 && options.replace !== true) {
    const same = content.plugins[there].hash === hash2;
    const detail = `version "${version}" is there already${same ? "" : ", with another hash"}`;
    throw cannot("add plugin", name, detail, "Ask for it to be replaced, or remove it first");
  }
  const entry = defined({
    name,
    version,
    hash: hash2,
    keys: plugin.keys && toKeyIds(content, plugin.keys),
    threshold,
    note,
    expiresAt: plugin.expiresAt && toTime("expiresAt", plugin.expiresAt),
    asks
  });
  const plugins = there === -1 ? [
    ...content.plugins,
    entry
  ] : content.plugins.with(there, entry);
  return change(content, {
    plugins
  });
}
function removePlugin(content, plugin) {
  const { name, version } = plugin;
  const plugins = content.plugins.filter((other) => other.name !== name || version !== void 0 && other.version !== version);
  if (plugins.length === content.plugins.length) {
    const detail = `the list has no ${version === void 0 ? "such plugin" : `version "${version}"`}`;
    throw cannot("remove plugin", name, detail, LIST_HINT);
  }
  return change(content, {
    plugins
  });
}
function revokePlugin(content, target, options) {
  const from = toTime("from", options.from ?? /* @__PURE__ */ new Date());
  const { reason } = options;
  if ("name" in target && target.versions !== void 0) checkRange(target.name, target.versions);
  const entry = "hash" in target ? {
    hash: target.hash,
    from,
    reason
  } : {
    name: target.name,
    versions: target.versions ?? "*",
    from,
    reason
  };
  const there = content.revocations.findIndex((other) => isSame(other, target));
  if (there !== -1 && content.revocations[there].from <= from) {
    const detail = `it is revoked from "${content.revocations[there].from}" on`;
    throw cannot("revoke", nameOf(target), detail, "Nothing is left to do");
  }
  const revocations = there === -1 ? [
    ...content.revocations,
    entry
  ] : content.revocations.with(there, entry);
  return change(content, {
    revocations
  });
}
function liftRevocation(content, target) {
  const revocations = content.revocations.filter((other) => !isSame(other, target));
  if (revocations.length === content.revocations.length) {
    throw cannot("lift revocation of", nameOf(target), "there is none", LIST_HINT);
  }
  return change(content, {
    revocations
  });
}
function setMinimum(content, name, version) {
  const { [name]: before, ...others } = content.minimumVersions;
  if (version !== void 0) {
    return change(content, {
      minimumVersions: {
        ...content.minimumVersions,
        [name]: version
      }
    });
  }
  if (before === void 0) {
    throw cannot("remove minimum version of", name, "there is none", LIST_HINT);
  }
  return change(content, {
    minimumVersions: others
  });
}
function setThreshold(content, threshold) {
  return change(content, {
    threshold
  });
}
function setOnlyListed(content, onlyListed) {
  return change(content, {
    onlyListed
  });
}
function setExpiry(content, expiresAt) {
  return change(content, {
    expiresAt: toTime("expiresAt", expiresAt)
  });
}
function acceptBundle(content, bundle, options = {}) {
  const { name, version, hash: hash2 } = bundle;
  const there = content.accepted.some((other) => other.name === name && other.version === version && other.hash === hash2);
  if (there) return content;
  const at = toTime("at", options.at ?? /* @__PURE__ */ new Date());
  return change(content, {
    accepted: [
      ...content.accepted,
      {
        name,
        version,
        hash: hash2,
        at
      }
    ]
  });
}
function isSame(revocation, target) {
  if ("hash" in revocation) return "hash" in target && revocation.hash === target.hash;
  return "name" in target && revocation.name === target.name && revocation.versions === (target.versions ?? "*");
}
function nameOf(target) {
  return "hash" in target ? target.hash : `${target.name} ${target.versions ?? "*"}`;
}
function checkRange(name, range) {
  const subject = `${name}@${range}`;
  if (!isVersionRange(range)) {
    const hint2 = 'Write such as "<1.4.2", "1.x", "1.4.2 - 1.4.9" or "1.4.2 || 1.4.5"';
    throw cannot("revoke", subject, "it is no range of versions", hint2);
  }
  const [, from, to] = /^(\d+\.\d+\.\d+)-(\d+\.\d+(?:\.\d+)?)$/.exec(range) ?? [];
  if (from !== void 0) {
    const detail = `without blanks, "-${to}" names a pre-release of ${from}`;
    const hint2 = `Write "${from} - ${to}" for the versions between, "=${range}" for that pre-release`;
    throw cannot("revoke", subject, detail, hint2);
  }
  if (canCover(range)) return;
  const hint = "Parts with a blank between them must all hold; put || between those of which one must";
  throw cannot("revoke", subject, "no version can be in it", hint);
}

// src/cli/trust/list_file.ts
var WARN_DAYS = 14;
var DAY_MS2 = 864e5;
function addFileOptions(command) {
  command.argument("[file]", "the trust list").option("--trust-list <file>", "the trust list, instead of the first argument");
  return addSecretOptions(command, "the list's");
}
function addListOptions(command) {
  return addFileOptions(command).option("--data-dir <dir>", "a host's folder: refuse a list older than it has seen there");
}
function takeFile(args, { trustList }) {
  const given = args.filter((arg) => arg !== void 0);
  const [file, ...rest] = trustList === void 0 ? given : [
    trustList,
    ...given
  ];
  if (file !== void 0) return {
    file,
    rest
  };
  throw new UsageError("No trust list was named", "Name its file as the first argument");
}
function onlyFile(arg, options) {
  const { file, rest } = takeFile([
    arg
  ], options);
  if (rest.length === 0) return file;
  throw new UsageError(`Cannot use both "${file}" and "${rest[0]}"`, "Name one trust list");
}
async function openList(file, options, context) {
  await refuseAbsent(file);
  const { dataDir } = options;
  const mark = dataDir === void 0 ? {} : {
    markDir: `${dataDir}/trust`,
    remember: false
  };
  const open = (secret2) => TrustList.open(file, secret2, mark).catch((error) => {
    throw error instanceof ContentError ? error.about("Cannot open trust list", file) : error;
  });
  const secret = await readSecretFile(options, context);
  const list2 = secret === void 0 ? await openByPrompt(context, `"${file}"`, (passphrase) => open({
    passphrase
  })) : await open(secret);
  warnIfChangeable(file, "the trust list", context.output);
  warnOfExpiry(list2, options, context);
  return list2;
}
async function refuseAbsent(file) {
  try {
    await Deno.stat(file);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) return;
    throw new SallyportError("bad-config", `Cannot open trust list "${escapeText(file)}": it is not there`, {
      hint: `Check the path, or make one with: ${commandLine([
        "trust",
        "init",
        file
      ])}`,
      details: {
        path: file
      },
      cause
    });
  }
}
function warnOfExpiry({ file, content, root }, options, { output }) {
  const now = /* @__PURE__ */ new Date();
  const { expiresAt } = content;
  const signed = root === void 0 ? [] : [
    "--root-key",
    "FILE"
  ];
  const words2 = [
    "trust",
    "set",
    file,
    "--expires",
    "365d",
    ...secretWords(options),
    ...signed
  ];
  const how = `run: ${commandLine(words2)}`;
  const days = Math.ceil((Date.parse(expiresAt) - now.getTime()) / DAY_MS2);
  if (isListExpired(content, now)) {
    output.warn(`the trust list expired at ${shortDate(expiresAt)}, so hosts load nothing: ${how}`);
  } else if (days <= WARN_DAYS) {
    const when = `${plural(days, "day")} (${shortDate(expiresAt)})`;
    output.warn(`the trust list expires in ${when}: ${how}`);
  }
}

// src/cli/trust/change.ts
function addChangeOptions(command) {
  return addRootKeyOptions(addListOptions(command)).option("--dry-run", "show what would change, and write nothing").option("-y, --yes", "do not ask (asked at a terminal only)");
}
function addRootKeyOptions(command) {
  return command.option("--root-key <file>", "a private root key that signs the change (repeatable)", collect).option("--root-passphrase-file <file>", "the passphrase of sealed root keys (none: asked for; repeatable)", collect);
}
function readRootKeys({ rootKey = [], rootPassphraseFile = [] }, context) {
  return readPrivateKeys(rootKey, rootPassphraseFile, "--root-passphrase-file", context);
}
function changesList(command, context, plan) {
  addChangeOptions(command).action(async (argument, options) => {
    const make = plan(options);
    const list2 = await openList(onlyFile(argument, options), options, context);
    await changeList(list2, await make(list2), options, context);
  });
}
async function changeList(list2, { apply, ...shown }, options, context) {
  const changes = diffTrustLists(list2.content, apply(list2.content));
  await proposeChange(list2, {
    changes,
    ...shown
  }, options, context, async () => {
    if (list2.root === void 0 && options.rootKey !== void 0) {
      const words2 = [
        "trust",
        "rotate",
        list2.file,
        "--root",
        "PUB",
        ...secretWords(options)
      ];
      throw new UsageError("Cannot sign the change with a root key: the list has no root", `Leave out --root-key, or give it a root: ${commandLine(words2)}`);
    }
    const rootKeys = await readRootKeys(options, context);
    return await list2.update((content) => {
      if (content.revision !== list2.revision) throw changedMeanwhile(list2, content.revision);
      return apply(content);
    }, {
      rootKeys
    });
  });
}
async function proposeChange(list2, { changes, notes: notes2 = [], details = {} }, { yes = false, dryRun = false, rootKey = [] }, { io, output, prompter }, write) {
  const report = ({ revision }, line, more = {}) => output.result({
    revision,
    changes,
    ...details,
    ...more
  }, () => [
    line
  ]);
  if (changes.length === 0) return report(list2, "Nothing to change");
  const asks = prompter !== void 0 && !yes && !dryRun;
  const lines = [
    `${plural(changes.length, "change")} to ${escapeText(list2.file)} (revision ${list2.revision}):`,
    ...changes.map((each2) => `  ${output.style(STYLES3[each2.kind], describeChange(each2))}`),
    ...notes2
  ];
  if (!output.json) {
    for (const line of lines) output.line(line);
  }
  if (asks && (output.json || !io.outIsTerminal)) {
    for (const line of lines) output.errorLine(line);
  }
  if (dryRun) return report(list2, "Nothing was written", {
    dryRun
  });
  if (list2.root !== void 0 && rootKey.length === 0) {
    throw new UsageError(`Cannot change trust list "${list2.file}": its root must sign every change`, `Pass --root-key FILE for ${plural(list2.root.threshold, "key")} of the root`);
  }
  if (asks && !await prompter.confirm(`Write revision ${list2.revision + 1}`)) {
    throw new SallyportError("cancelled", `Cannot change trust list "${list2.file}": you said no`, {
      hint: "Nothing was changed; run the command again to start over"
    });
  }
  const written = await write();
  report(written, `Wrote revision ${written.revision}`);
}
var STYLES3 = {
  added: "green",
  removed: "red",
  changed: "yellow"
};
function changedMeanwhile({ file, revision }, now) {
  const message = `Cannot change trust list "${file}": it was revision ${revision} and is now ${now}`;
  return new SallyportError("bad-state", message, {
    hint: "It was changed meanwhile: run the command again to see it as it is now"
  });
}

// src/cli/trust/earlier_asks.ts
function listedEarlier(content, name, version) {
  const known = content.plugins.filter((plugin) => plugin.name === name && plugin.version !== version && plugin.asks).toSorted((a, b) => compareVersions(b.version, a.version));
  const nearest = known.find((plugin) => compareVersions(plugin.version, version) < 0) ?? known[0];
  return nearest && {
    version: nearest.version,
    asks: readAsks(nearest.asks, name)
  };
}
function compareWith(earlier, asks) {
  if (earlier === void 0) return {
    notes: [],
    details: {}
  };
  const asksMore = compareAsks(earlier.asks, asks);
  const than = `version ${escapeText(earlier.version, 128)}`;
  return {
    notes: asksMore.length === 0 ? [
      `It asks for nothing more than ${than} did`
    ] : [
      `It asks for more than ${than} did:`,
      ...asksMore.map((ask) => `  + ${escapeText(describeAddedAsk(ask))}`)
    ],
    details: {
      comparedTo: earlier.version,
      asksMore
    }
  };
}

// src/cli/trust/accept.ts
function addTrustAccept(trust, context) {
  const command = trust.command("accept").usage("FILE DIR [options]   or: DIR --trust-list FILE [options]").description("accept that a new version asks for more than the one before, and show what");
  addChangeOptions(command).argument("[dir]", "the folder of the bundle").action(async (first, second, options) => {
    const { file, rest: [dir, ...more] } = takeFile([
      first,
      second
    ], options);
    if (dir === void 0 || more.length > 0) {
      throw new UsageError(dir === void 0 ? "No bundle was named" : "More than one bundle was named", `Name the list and the bundle's folder: ${commandLine([
        "trust",
        "accept",
        "FILE",
        "DIR"
      ])}`);
    }
    const list2 = await openList(file, options, context);
    const verified = await verifyBundle(await readBundle(dir), {
      list: list2.content
    });
    const { manifest, bundleHash: hash2, signers } = verified;
    const { name, version } = manifest;
    const earlier = earlierAsks(list2, name, version);
    const isNew = acceptBundle(list2.content, {
      name,
      version,
      hash: hash2
    }) !== list2.content;
    if (earlier === void 0 && isNew) throw nothingToShow(name, options);
    const compared = compareWith(earlier, asksOf(manifest));
    const by = signers.map(({ keyId: keyId2, name: name2 }) => escapeText(name2 ?? keyId2)).join(", ");
    const at = /* @__PURE__ */ new Date();
    await changeList(list2, {
      apply: (content) => acceptBundle(content, {
        name,
        version,
        hash: hash2
      }, {
        at
      }),
      notes: [
        `${escapeText(name)} ${escapeText(version)} is signed by ${by}`,
        ...compared.notes
      ],
      details: {
        plugin: {
          name,
          version,
          hash: hash2
        },
        ...compared.details
      }
    }, options, context);
  });
}
function nothingToShow(name, { dataDir }) {
  const message = `Cannot accept "${escapeText(name)}": no earlier version of it is known, so nothing shows what is new`;
  return new SallyportError("bad-state", message, {
    hint: dataDir === void 0 ? "Pass --data-dir with the folder of the host that ran the earlier version" : "The first version that a host runs needs no acceptance: the policy decides",
    details: {
      plugin: name
    }
  });
}
function earlierAsks(list2, name, version) {
  const marked = baselineOf(list2, name);
  if (marked?.asks === void 0) return listedEarlier(list2.content, name, version);
  return {
    version: marked.version,
    asks: readAsks(marked.asks, name)
  };
}

// src/cli/trust/subjects.ts
function splitAt(text2) {
  const [name = "", ...rest] = text2.split("@");
  return {
    name,
    rest: rest.length === 0 ? void 0 : rest.join("@")
  };
}
function exactlyOne(options) {
  const given = Object.entries(options).filter(([, [value]]) => value !== void 0);
  const [first, ...others] = given;
  if (first !== void 0 && others.length === 0) {
    return {
      subject: first[0],
      meaning: first[1][1]
    };
  }
  throw new UsageError(first === void 0 ? "Nothing was named to work on" : `Cannot do ${given.map(([name]) => name).join(" and ")} at once`, `Pass one of ${Object.keys(options).join(", ")}`);
}
function refuseOthers(subject, options) {
  const [name] = Object.entries(options).find(([, value]) => value !== void 0) ?? [];
  if (name !== void 0) throw new UsageError(`Cannot use ${name} together with ${subject}`);
}

// src/cli/trust/add.ts
var EXAMPLES = `
  sallyport trust add trust.list --key keys/alice.pub --not-after 2028-01-01
  sallyport trust add trust.list --key 3b6a\u2026f2 --name bob
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust add trust.list --publisher "acme-*" --signer alice --signer bob --threshold 2
  sallyport trust add trust.list --minimum word-count@1.4.2`;
function addTrustAdd(trust, context) {
  const command = trust.command("add").usage("FILE --key PUB\u2026 | --plugin DIR | --publisher NAMES | --minimum NAME@VERSION [options]").description("trust a key, list a plugin, reserve names for keys, or set a minimum version").addHelpText("after", withProgram(EXAMPLES)).option("--key <pub>", "a public key: a .pub file or 64 hex digits (repeatable)", collect).option("--name <name>", "what to call the key (default: as its file is called)").option("--not-before <date>", "from when on the key counts").option("--not-after <date>", "until when the key counts").option("--plugin <dir>", "a bundle: once listed, only listed versions of that plugin load").option("--note <text>", "a remark on the plugin").option("--expires <date>", "until when the plugin loads: 365d, or a date").option("--publisher <names>", 'names that only its signers may use: "acme-*", or one name').option("--signer <key>", "a key for the plugin or publisher: name or id (repeatable)", collect).option("--threshold <n>", "how many of them must sign", parseCount(MAX_SIGNATURES)).option("--minimum <name@version>", "the lowest version of a plugin that may load").option("--replace", "replace an entry for the same version or the same names");
  changesList(command, context, (options) => {
    const { key, plugin, publisher, minimum } = options;
    const { subject, meaning: make } = exactlyOne({
      "--key": [
        key,
        () => addedKeys(key, options)
      ],
      "--plugin": [
        plugin,
        (content) => addedPlugin(content, plugin, options, context)
      ],
      "--publisher": [
        publisher,
        (content) => addedPublisher(content, publisher, options)
      ],
      "--minimum": [
        minimum,
        () => addedMinimum(minimum)
      ]
    });
    refuseIdle(subject, options);
    return ({ content }) => make(content);
  });
}
function refuseIdle(subject, options) {
  const { name, notBefore, notAfter, note, expires, signer, threshold, replace: replace2 } = options;
  const isPlugin = subject === "--plugin";
  refuseOthers(subject, {
    ...subject === "--key" ? {} : {
      "--name": name,
      "--not-before": notBefore,
      "--not-after": notAfter
    },
    ...isPlugin ? {} : {
      "--note": note,
      "--expires": expires
    },
    ...isPlugin || subject === "--publisher" ? {} : {
      "--signer": signer,
      "--threshold": threshold,
      "--replace": replace2
    }
  });
}
async function addedKeys(keys, options) {
  if (options.name !== void 0 && keys.length > 1) {
    const message = `Cannot call ${keys.length} keys "${options.name}"`;
    throw new UsageError(message, "Add them one by one");
  }
  const notBefore = parseDate(options.notBefore, "--not-before");
  const notAfter = parseDate(options.notAfter, "--not-after");
  const added = await Promise.all(keys.map(async (text2) => {
    const { hex, name: own } = await readPublicKey(text2);
    const name = options.name ?? own;
    if (name !== void 0) return {
      name,
      publicKey: hex,
      notBefore,
      notAfter
    };
    throw new UsageError("The key has no name", "Pass --name NAME, or the key as a .pub file");
  }));
  return {
    apply: (content) => added.reduce((list2, key) => addKey(list2, key), content)
  };
}
async function addedPlugin(content, dir, { note, expires, signer, threshold, replace: replace2 }, { output }) {
  const expiresAt = expires === void 0 ? void 0 : parseFutureDateOrSpan(expires, "expiry");
  const contents = await readBundle(dir);
  const { manifest, bundleHash: hash2 } = contents;
  const { name, version } = manifest;
  const asks = asksOf(manifest);
  const plugin = {
    name,
    version,
    hash: hash2,
    note,
    expiresAt,
    keys: signer,
    threshold,
    asks: {
      ...asks
    }
  };
  const apply = (before) => addPlugin(before, plugin, {
    replace: replace2
  });
  await verifyBundle(contents, {
    list: apply(content)
  }).catch((error) => {
    if (!(error instanceof SallyportError)) throw error;
    output.warn(`hosts would refuse it all the same (${error.code}): ${error.message}`);
  });
  const { notes: notes2, details } = compareWith(listedEarlier(content, name, version), asks);
  return {
    apply,
    notes: notes2,
    details: {
      plugin: {
        name,
        version,
        hash: hash2
      },
      ...details
    }
  };
}
function addedPublisher(content, namespace, { signer, threshold, replace: replace2 }) {
  if (signer === void 0) {
    throw new UsageError(`Cannot add publisher "${namespace}" without a key`, "Pass --signer KEY for each key that may sign, by its name or id");
  }
  const bound = new Set(content.publishers.flatMap(({ keys }) => keys));
  const newlyBound = signer.map((key) => findKey(content, key)).filter(({ id }) => !bound.has(id));
  const names = newlyBound.map(({ name }) => `"${escapeText(name)}"`).join(", ");
  const note = `From then on what ${names} signed counts for "${escapeText(namespace)}" only`;
  return {
    apply: (before) => addPublisher(before, {
      namespace,
      keys: signer,
      threshold
    }, {
      replace: replace2
    }),
    notes: names === "" ? [] : [
      note
    ]
  };
}
function addedMinimum(text2) {
  const { name, rest: version } = splitAt(text2);
  if (name !== "" && version) return {
    apply: (content) => setMinimum(content, name, version)
  };
  throw new UsageError(`Cannot use "${text2}" for --minimum: it is not NAME@VERSION`, "Write such as --minimum word-count@1.4.2");
}

// src/cli/trust/states.ts
function keyState({ notBefore, notAfter, revoked: revoked2 }, now) {
  if (revoked2 !== void 0 && now >= new Date(revoked2.from)) return "revoked";
  if (notBefore !== void 0 && now < new Date(notBefore)) return "not yet";
  if (notAfter !== void 0 && now >= new Date(notAfter)) return "expired";
  return "valid";
}
function revocationState({ from }, now) {
  return now >= new Date(from) ? "in force" : "not yet";
}
function pluginStates({ revocations, minimumVersions }, now) {
  const hashes = /* @__PURE__ */ new Set();
  const ranges = /* @__PURE__ */ new Map();
  for (const revocation of revocations) {
    if (revocationState(revocation, now) !== "in force") continue;
    if ("hash" in revocation) hashes.add(revocation.hash);
    else {
      const { name, versions: versions2 } = revocation;
      ranges.set(name, [
        ...ranges.get(name) ?? [],
        versions2
      ]);
    }
  }
  return ({ name, version, hash: hash2, expiresAt }) => {
    const revoked2 = hashes.has(hash2) || ranges.get(name)?.some((range) => revocationCovers(range, version));
    if (revoked2) return "revoked";
    if (expiresAt !== void 0 && now >= new Date(expiresAt)) return "expired";
    const minimum = Object.hasOwn(minimumVersions, name) ? minimumVersions[name] : void 0;
    return minimum !== void 0 && compareVersions(version, minimum) < 0 ? "too old" : "valid";
  };
}
function stateCell(state, output) {
  return output.style(state === "valid" ? "green" : state === "not yet" ? "yellow" : "red", state);
}

// src/cli/trust/list.ts
function addTrustList(trust, context) {
  const { output } = context;
  const command = trust.command("list").usage("FILE [options]").description("show keys, publishers, plugins, revocations and minimum versions, and how they stand");
  addListOptions(command).action(async (argument, options) => {
    const { file, content } = await openList(onlyFile(argument, options), options, context);
    const now = /* @__PURE__ */ new Date();
    const expiry = isListExpired(content, now) ? output.style("red", `EXPIRED at ${shortDate(content.expiresAt)}`) : `expires ${shortDate(content.expiresAt)}`;
    const name = output.style("bold", escapeText(file));
    output.result({
      file,
      ...listDocument(content, now)
    }, () => [
      `${name}  revision ${content.revision}, ${expiry}`,
      ...listLines(content, now, output)
    ]);
  });
}
function listDocument(content, now) {
  const stateOf = pluginStates(content, now);
  const { revision, expiresAt, keys, publishers, minimumVersions, accepted } = content;
  return {
    revision,
    expiresAt,
    expired: isListExpired(content, now),
    keys: keys.map((key) => ({
      id: toListKey(key).id,
      ...key,
      state: keyState(key, now)
    })),
    publishers,
    plugins: content.plugins.map((plugin) => ({
      ...plugin,
      state: stateOf(plugin)
    })),
    revocations: content.revocations.map((entry) => ({
      ...entry,
      state: revocationState(entry, now)
    })),
    minimumVersions,
    accepted
  };
}
function listLines(content, now, output, allKeys = content.keys) {
  const byId = new Map(allKeys.map((key) => [
    toListKey(key).id,
    escapeText(key.name)
  ]));
  const names = (ids) => ids.map((id) => byId.get(id) ?? id).join(", ");
  const stateOf = pluginStates(content, now);
  const tables = {
    "Keys": content.keys.map((key) => {
      const { name, notBefore, notAfter, revoked: revoked2 } = key;
      return [
        escapeText(name),
        toListKey(key).id,
        stateCell(keyState(key, now), output),
        notes(notBefore && `from ${shortDate(notBefore)}`, notAfter && `until ${shortDate(notAfter)}`, revoked2 && `revoked from ${shortDate(revoked2.from)}: ${escapeText(revoked2.reason)}`)
      ];
    }),
    "Publishers": content.publishers.map(({ namespace, keys, threshold }) => [
      escapeText(namespace),
      `${threshold ?? content.threshold} of ${names(keys)}`
    ]),
    "Plugins": content.plugins.map((plugin) => {
      const { name, version, hash: hash2, keys, threshold, note, expiresAt } = plugin;
      return [
        escapeText(name),
        escapeText(version),
        shortHash(hash2),
        stateCell(stateOf(plugin), output),
        notes(expiresAt && `until ${shortDate(expiresAt)}`, keys && `signed by ${names(keys)}`, threshold && `needs ${threshold}`, note && escapeText(note))
      ];
    }),
    "Revocations": content.revocations.map((entry) => [
      "hash" in entry ? `bundle ${shortHash(entry.hash)}` : `${escapeText(entry.name)} ${escapeText(entry.versions)}`,
      revocationState(entry, now),
      `from ${shortDate(entry.from)}: ${escapeText(entry.reason)}`
    ]),
    "Minimum versions": Object.entries(content.minimumVersions).map((entry) => entry.map((text2) => escapeText(text2))),
    "Accepted although they ask for more": content.accepted.map(({ name, version, hash: hash2, at }) => [
      escapeText(name),
      escapeText(version),
      shortHash(hash2),
      `on ${shortDate(at)}`
    ])
  };
  const lines = Object.entries(tables).flatMap(([title, rows]) => section(title, table(rows), output));
  return lines.length === 0 ? [
    "",
    "It is empty: it trusts nobody"
  ] : lines;
}
function ruleRows({ threshold, onlyListed }) {
  return [
    [
      "threshold",
      `${plural(threshold, "key")} must sign a plugin`
    ],
    [
      "loads",
      onlyListed ? "listed plugins only" : "what its keys sign; of listed plugins the listed versions"
    ]
  ];
}
function notes(...texts) {
  return texts.filter((text2) => text2).join(", ");
}
function shortHash(hash2) {
  return `${hash2.slice(0, 16)}\u2026`;
}

// src/cli/trust/init.ts
function addTrustInit(trust, context) {
  const command = trust.command("init").usage("FILE [options]").description("make a trust list, empty but for its rules");
  addFileOptions(command).option("--new-key-file <file>", "make a key of 32 bytes there, instead of a passphrase").option("--expires <date>", "until when it holds: 365d, or a date such as 2027-01-31", "365d").option("--threshold <n>", "how many keys must sign a plugin", parseCount(MAX_SIGNATURES)).option("--only-listed", "load listed plugins only, no others that a key signed").option("--root <pub>", "a root key, which must sign every change (repeatable)", collect).option("--root-threshold <n>", "how many root keys must sign", parseCount(MAX_SIGNATURES)).option("--force", "replace a list that is there; it is kept as FILE.previous");
  addRootKeyOptions(command).action((file, options) => init(file, options, context));
}
async function init(argument, options, context) {
  const file = onlyFile(argument, options);
  const expiresAt = parseFutureDateOrSpan(options.expires, "expiry");
  const { threshold, onlyListed, force = false, newKeyFile } = options;
  if (!force) await refuseExisting(file);
  const root = await readRoot(options, context);
  const secret = await readNewSecret(options, context, `"${file}"`);
  const content = createTrustListContent({
    expiresAt,
    threshold,
    onlyListed
  });
  const create = (path2) => TrustList.create(path2, secret, {
    content,
    root
  });
  const { revision } = await (force ? replace(file, create) : create(file)).catch(async (error) => {
    if (newKeyFile !== void 0) await Deno.remove(newKeyFile);
    throw error;
  });
  const words2 = [
    ...secretWords(newKeyFile === void 0 ? options : {
      keyFile: newKeyFile
    }),
    ...root === void 0 ? [] : [
      "--root-key",
      "FILE"
    ]
  ];
  const { output } = context;
  output.result({
    file,
    id: content.id,
    revision,
    expiresAt: content.expiresAt,
    threshold: content.threshold,
    onlyListed: content.onlyListed,
    sealedWith: "key" in secret ? "key" : "passphrase",
    keyFile: newKeyFile,
    root: root && {
      keys: root.keys,
      threshold: root.threshold
    }
  }, () => [
    `Made trust list ${output.style("bold", escapeText(file))}`,
    ...columns([
      [
        "id",
        content.id
      ],
      [
        "expires",
        shortDate(content.expiresAt)
      ],
      [
        "sealed with",
        sealedWith(options)
      ],
      ...ruleRows(content),
      [
        "root",
        root && `${root.threshold} of ${plural(root.keys.length, "key")} sign every change`
      ]
    ]),
    `It trusts nobody yet: ${commandLine([
      "trust",
      "add",
      file,
      "--key",
      "PUB",
      ...words2
    ])}`
  ]);
}
function sealedWith({ newKeyFile, keyFile }) {
  if (newKeyFile !== void 0) {
    return `${escapeText(newKeyFile)} (made; without it the list is lost)`;
  }
  if (keyFile !== void 0) return escapeText(keyFile);
  return "a passphrase (without it the list is lost)";
}
async function refuseExisting(file) {
  if (await Deno.lstat(file).then(() => true, () => false)) {
    throw new SallyportError("bad-state", `Cannot make trust list "${file}": it exists`, {
      hint: "Choose another name, or pass --force to replace it",
      details: {
        path: file
      }
    });
  }
}
async function readRoot(options, context) {
  const { root, rootThreshold = 1, rootKey } = options;
  if (root === void 0) {
    if (options.rootThreshold === void 0 && rootKey === void 0) return void 0;
    throw new UsageError("Cannot make a root without --root PUB", "Name its public keys");
  }
  const keys = await Promise.all(root.map(async (text2) => (await readPublicKey(text2)).hex));
  return {
    keys,
    threshold: rootThreshold,
    rootKeys: await readRootKeys(options, context)
  };
}
async function replace(file, create) {
  const temporary = `${file}.${crypto.randomUUID()}.tmp`;
  try {
    const list2 = await create(temporary);
    await replaceSealedFile(file, await readSealedFile(temporary));
    return list2;
  } finally {
    for (const left of [
      temporary,
      `${temporary}.lock`
    ]) {
      await Deno.remove(left).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }
}

// src/cli/trust/remove.ts
function addTrustRemove(trust, context) {
  const command = trust.command("remove").usage("FILE --key KEY | --plugin NAME[@VERSION] | --publisher NAMES | \u2026 [options]").description("take something out; what may never load again is better revoked").option("--key <key>", "a key: its name or id").option("--plugin <name>", "a listed plugin: NAME@VERSION, or NAME for all its versions").option("--publisher <names>", "a publisher: the names that it was added with").option("--minimum <name>", "the minimum version of a plugin").option("--revocation <what>", "a revocation, lifted: a bundle hash, or NAME[@RANGE]").option("--lift-revocation", "remove a key although it is revoked: it can then be added again");
  changesList(command, context, (options) => {
    const { key, plugin, publisher, minimum, revocation, liftRevocation: lift2 } = options;
    const { subject, meaning: apply } = exactlyOne({
      "--key": [
        key,
        (content) => removeKey(content, key, {
          liftRevocation: lift2
        })
      ],
      "--plugin": [
        plugin,
        (content) => {
          const { name, rest } = splitAt(plugin);
          return removePlugin(content, {
            name,
            version: rest
          });
        }
      ],
      "--publisher": [
        publisher,
        (content) => removePublisher(content, publisher)
      ],
      "--minimum": [
        minimum,
        (content) => setMinimum(content, minimum, void 0)
      ],
      "--revocation": [
        revocation,
        (content) => liftRevocation(content, revoked(revocation))
      ]
    });
    if (subject !== "--key") refuseOthers(subject, {
      "--lift-revocation": lift2
    });
    return ({ content }) => {
      const was = key === void 0 ? void 0 : findKey(content, key).revoked;
      const notes2 = was === void 0 ? [] : [
        `It was revoked from "${was.from}" on: ${escapeText(was.reason, 300)}`,
        "The list forgets that: once the key is added again, all that it ever signed counts"
      ];
      return {
        apply,
        notes: notes2
      };
    };
  });
}
function revoked(text2) {
  if (/^[0-9a-fA-F]{128}$/.test(text2)) return {
    hash: text2.toLowerCase()
  };
  const { name, rest } = splitAt(text2);
  return rest === void 0 ? {
    name
  } : {
    name,
    versions: rest
  };
}

// src/cli/trust/revoke.ts
var MAX_NAMED2 = 20;
function addTrustRevoke(trust, context) {
  const command = trust.command("revoke").usage("FILE --key KEY | --hash HEX | --plugin NAME[@RANGE] --reason TEXT [options]").description("revoke a key, a bundle, or versions of a plugin; hosts that watch the list unload them").option("--key <key>", "a key, with all that it ever signed: its name or id").option("--hash <hex>", "one bundle, by its bundle hash, with any signature").option("--plugin <name>", 'versions of a plugin, such as word-count@"<1.4.2", or all').requiredOption("--reason <text>", "why, for those who will ask (required)").option("--from <date>", "from when on (default: now)");
  changesList(command, context, ({ key, hash: hash2, plugin, reason, dataDir, ...options }) => {
    const { name, rest: versions2 = "*" } = splitAt(plugin ?? "");
    const why = {
      reason,
      from: parseDate(options.from, "--from") ?? /* @__PURE__ */ new Date()
    };
    const { meaning: apply } = exactlyOne({
      "--key": [
        key,
        (content) => revokeKey(content, key, why)
      ],
      "--hash": [
        hash2,
        (content) => revokePlugin(content, {
          hash: hash2.toLowerCase()
        }, why)
      ],
      "--plugin": [
        plugin,
        (content) => revokePlugin(content, {
          name,
          versions: versions2
        }, why)
      ]
    });
    return (list2) => ({
      apply,
      ...plugin === void 0 ? {} : knownVersions(list2, name, versions2, dataDir)
    });
  });
}
function knownVersions({ content, mark }, name, range, dataDir) {
  if (!isVersionRange(range)) return {};
  const listed = [
    ...content.plugins,
    ...content.accepted
  ].filter((one) => one.name === name);
  const all = [
    ...listed,
    ...mark?.ran(name) ?? []
  ].map(({ version }) => version);
  const known = [
    ...new Set(all)
  ].toSorted((a, b) => compareVersions(a, b));
  const covers = known.filter((version) => revocationCovers(range, version));
  const leaves = known.filter((version) => !covers.includes(version));
  const named2 = (versions2) => {
    const more = versions2.length - MAX_NAMED2;
    const shown = versions2.slice(-MAX_NAMED2).map((version) => escapeText(version)).join(", ");
    return more > 0 ? `${shown} and ${more} lower ones` : shown;
  };
  const where = dataDir === void 0 ? "in the list" : "in the list, or run by the host";
  const plugin = escapeText(name, 100);
  const note = known.length === 0 ? `No version of "${plugin}" is known here${dataDir === void 0 ? " (see --data-dir)" : ""}` : `Of the versions of "${plugin}" ${where} it covers ${named2(covers) || "none"}` + (leaves.length === 0 ? "" : `, and leaves ${named2(leaves)}`);
  return {
    notes: [
      note
    ],
    details: {
      covers,
      leaves
    }
  };
}

// src/cli/trust/rotate.ts
var NOTES = `
Without --root it seals the list with another secret: --new-key-file, --new-passphrase-file, or a
prompt. With --root it replaces the list's root; enough keys of the old root and of the new one must
sign, so pass the private keys of both as --root-key.`;
var ROOT_KEYS_HINT = "Pass --root-key FILE for enough keys of the new root, and of the old one where there is one";
function addTrustRotate(trust, context) {
  const command = trust.command("rotate").usage("FILE [--new-passphrase-file FILE | --new-key-file FILE | --root PUB\u2026] [options]").description("seal the list with another passphrase or key file, or replace its root").addHelpText("after", withProgram(NOTES)).option("--new-passphrase-file <file>", "the file with the new passphrase (none: asked for)").option("--new-key-file <file>", "make a new key of 32 bytes there, instead of a passphrase").option("--root <pub>", "a key of the new root: a .pub file or 64 hex digits (repeatable)", collect).option("--root-threshold <n>", "how many of them must sign (default: as now)", parseCount(MAX_SIGNATURES));
  addChangeOptions(command).action(async (argument, options) => {
    const { root, rootThreshold, newKeyFile, newPassphraseFile } = options;
    const file = onlyFile(argument, options);
    if (root === void 0 && rootThreshold !== void 0) {
      const hint = "Name the root's public keys";
      throw new UsageError("Cannot set a threshold without --root", hint);
    }
    if (root !== void 0 && (newKeyFile ?? newPassphraseFile) !== void 0) {
      throw new UsageError("Cannot rotate the secret and the root at once", "Run the command twice, once for each");
    }
    const list2 = await openList(file, options, context);
    if (root === void 0) await rotateSecret(list2, options, context);
    else await rotateRoot(list2, root, options, context);
  });
}
async function rotateRoot(list2, root, options, context) {
  const keys = await Promise.all(root.map(async (text2) => (await readPublicKey(text2)).hex));
  const threshold = options.rootThreshold ?? list2.root?.threshold ?? 1;
  const version = (list2.root?.version ?? 0) + 1;
  const changes = diffRoots(list2.root, {
    version,
    keys,
    threshold
  });
  if (options.rootKey === void 0 && options.dryRun !== true) {
    throw new UsageError("Cannot replace the root of the list without --root-key", ROOT_KEYS_HINT);
  }
  await proposeChange(list2, {
    changes
  }, options, context, async () => {
    const rootKeys = await readRootKeys(options, context);
    return await list2.rotateRoot({
      keys,
      threshold,
      rootKeys
    }).catch((error) => {
      if (!(error instanceof SallyportError) || error.code !== "signature-invalid") throw error;
      const { code, message, details } = error;
      throw new SallyportError(code, message, {
        hint: ROOT_KEYS_HINT,
        details,
        cause: error
      });
    });
  });
}
async function rotateSecret(list2, { newKeyFile, newPassphraseFile, dryRun }, context) {
  const { output } = context;
  const file = escapeText(list2.file);
  if (dryRun) {
    return output.result({
      revision: list2.revision,
      changes: [],
      dryRun,
      secretChanged: false
    }, () => [
      `${file} would be sealed with another secret; nothing was written`
    ]);
  }
  const secret = await readNewSecret({
    passphraseFile: newPassphraseFile,
    newKeyFile
  }, context, `"${list2.file}"`, "--new-passphrase-file or --new-key-file");
  const { revision } = await list2.changeSecret(secret).catch(async (error) => {
    if (newKeyFile !== void 0) await Deno.remove(newKeyFile);
    throw error;
  });
  const what = newKeyFile === void 0 ? "the new passphrase" : escapeText(newKeyFile);
  output.result({
    revision,
    changes: [],
    secretChanged: true
  }, () => [
    `Sealed ${file} with ${what} (revision ${revision})`
  ]);
  const previous = `${list2.file}.previous`;
  if (await Deno.lstat(previous).then(() => true, () => false)) {
    output.warn(`${previous} still opens with the old secret: remove it, and other copies, if that has leaked`);
  }
}

// src/cli/trust/set.ts
function addTrustSet(trust, context) {
  const command = trust.command("set").usage("FILE [--expires DATE] [--threshold N] [--only-listed] [options]").description("change the list's own rules: how long it holds, how many must sign, a key's window").option("--expires <date>", "until when the list holds: 365d, or a date such as 2027-01-31").option("--threshold <n>", "how many keys must sign a plugin", parseCount(MAX_SIGNATURES)).option("--only-listed", "load listed plugins only, no others that a key signed").option("--no-only-listed", "load what the keys have signed").option("--key <key>", "the key whose window --not-before and --not-after set: name or id").option("--not-before <date>", "from when on the key counts, or none").option("--not-after <date>", "until when the key counts, or none");
  changesList(command, context, (options) => {
    const steps = stepsOf(options);
    if (steps.length === 0) {
      throw new UsageError("Nothing was named to set", "Pass --expires, --threshold, --only-listed, --no-only-listed, or --key with a date");
    }
    return () => ({
      apply: (content) => steps.reduce((changed, step) => step(changed), content)
    });
  });
}
function stepsOf(options) {
  const { expires, threshold, onlyListed, key, notBefore, notAfter } = options;
  const steps = [];
  if (expires !== void 0) {
    const date = parseFutureDateOrSpan(expires, "expiry");
    steps.push((content) => setExpiry(content, date));
  }
  if (threshold !== void 0) steps.push((content) => setThreshold(content, threshold));
  if (onlyListed !== void 0) steps.push((content) => setOnlyListed(content, onlyListed));
  const hasWindow = notBefore !== void 0 || notAfter !== void 0;
  if (key === void 0 && hasWindow) {
    throw new UsageError("Cannot set a window without --key", "Name the key that it is of");
  }
  if (key === void 0) return steps;
  if (!hasWindow) {
    const hint = "Pass --not-before or --not-after";
    throw new UsageError("Nothing was named to set for the key", hint);
  }
  const end = (text2, option) => text2 === "none" ? void 0 : parseDate(text2, option);
  return [
    ...steps,
    (content) => {
      const before = findKey(content, key);
      return setKeyWindow(content, key, {
        notBefore: end(notBefore ?? before.notBefore, "--not-before"),
        notAfter: end(notAfter ?? before.notAfter, "--not-after")
      });
    }
  ];
}

// src/cli/trust/show.ts
function addTrustShow(trust, context) {
  const command = trust.command("show").usage("FILE [NAME] [options]").description("show what the list is, or all that it says about one key, plugin or publisher");
  addListOptions(command).argument("[name]", "a key (name or id), a plugin, or a publisher's names").action(async (first, second, options) => {
    const { file, rest: [name, ...more] } = takeFile([
      first,
      second
    ], options);
    if (more.length > 0) throw new UsageError("More than one name was given", "Give one name");
    const list2 = await openList(file, options, context);
    if (name === void 0) showList(list2, context);
    else showName(list2, name, options, context);
  });
}
function showList({ file, content, root, mark }, { output }) {
  const { id, revision, createdAt, updatedAt, expiresAt, threshold, onlyListed } = content;
  const expired = isListExpired(content, /* @__PURE__ */ new Date());
  const counts = {
    keys: content.keys.length,
    publishers: content.publishers.length,
    plugins: content.plugins.length,
    revocations: content.revocations.length,
    minimumVersions: Object.keys(content.minimumVersions).length,
    accepted: content.accepted.length
  };
  const keyIds = root?.keys.map((key) => keyId(decodeHex(key))) ?? [];
  output.result({
    ...{
      file,
      id,
      revision,
      createdAt,
      updatedAt,
      expiresAt,
      expired,
      threshold,
      onlyListed
    },
    root: root === void 0 ? null : {
      version: root.version,
      hash: root.hash,
      keyIds,
      threshold: root.threshold
    },
    counts,
    seenByHost: mark && (mark.revision ?? null)
  }, () => [
    output.style("bold", escapeText(file)),
    ...columns([
      [
        "id",
        id
      ],
      [
        "revision",
        `${revision}, of ${shortDate(updatedAt)}`
      ],
      [
        "made",
        shortDate(createdAt)
      ],
      [
        "expires",
        expired ? output.style("red", `${shortDate(expiresAt)}, EXPIRED`) : shortDate(expiresAt)
      ],
      ...ruleRows(content),
      [
        "root",
        root === void 0 ? "none: its secret alone allows changes" : `version ${root.version}, ${root.threshold} of ${keyIds.join(", ")}`
      ],
      [
        "root hash",
        root?.hash
      ],
      [
        "holds",
        [
          plural(counts.keys, "key"),
          plural(counts.publishers, "publisher"),
          plural(counts.plugins, "plugin"),
          plural(counts.revocations, "revocation"),
          plural(counts.minimumVersions, "minimum version")
        ].join(", ")
      ],
      [
        "host has seen",
        mark && (mark.revision === void 0 ? "none" : `revision ${mark.revision}`)
      ]
    ])
  ]);
}
function showName({ file, content }, name, options, { output }) {
  const part = partAbout(content, name);
  const { keys, publishers, plugins, revocations, accepted, minimumVersions } = part;
  const found = [
    keys,
    publishers,
    plugins,
    revocations,
    accepted,
    Object.keys(minimumVersions)
  ];
  if (found.every(({ length }) => length === 0)) {
    const message = `Cannot show "${name}": the list says nothing about it`;
    throw new SallyportError("bad-config", message, {
      hint: `See what there is: ${commandLine([
        "trust",
        "list",
        file,
        ...secretWords(options)
      ])}`,
      details: {
        name
      }
    });
  }
  const now = /* @__PURE__ */ new Date();
  output.result({
    name,
    ...listDocument(part, now)
  }, () => [
    output.style("bold", escapeText(name)),
    ...listLines(part, now, output, content.keys),
    ...plugins.flatMap(({ name: name2, version, asks }) => asks === void 0 ? [] : section(`${escapeText(name2)} ${escapeText(version)} asks for`, askLines(readAsks(asks, name2)), output))
  ]);
}
function partAbout(content, name) {
  const keys = content.keys.filter((key) => key.name === name || toListKey(key).id === name);
  const ids = new Set(keys.map((key) => toListKey(key).id));
  const owner = findPublisher(content, name);
  const minimum = Object.hasOwn(content.minimumVersions, name) ? {
    [name]: content.minimumVersions[name]
  } : {};
  return {
    ...content,
    keys,
    publishers: content.publishers.filter((publisher) => publisher.namespace === name || publisher === owner || publisher.keys.some((id) => ids.has(id))),
    plugins: content.plugins.filter((plugin) => plugin.name === name || plugin.keys?.some((id) => ids.has(id))),
    revocations: content.revocations.filter((entry) => "name" in entry && entry.name === name),
    minimumVersions: minimum,
    accepted: content.accepted.filter((bundle) => bundle.name === name)
  };
}
function askLines(asks) {
  const rows = [];
  for (const family of [
    "net",
    "read",
    "write",
    "sys"
  ]) {
    if (asks[family].length > 0) rows.push([
      family,
      asks[family].join(", ")
    ]);
  }
  const add = (title, values) => rows.push(...values.map((value) => [
    title,
    value
  ]));
  add("service", Object.entries(asks.context).map(([key, access]) => `${key} (${access})`));
  add("hook", Object.keys(asks.hooks));
  add("limit", Object.entries(asks.limits).map(([name, value]) => `${name} ${value}`));
  if (asks.storageBytes > 0) add("storage", [
    `${asks.storageBytes} bytes of its own`
  ]);
  add("plugin", asks.dependencies);
  return askColumns(rows);
}

// src/cli/trust/command.ts
var HELP4 = `
Each command takes the list's file first, or as --trust-list FILE, and its secret from
--passphrase-file, --key-file or a prompt. A change is shown first; at a terminal it must be
confirmed, a script goes ahead. None of them needs a network.

  sallyport trust init trust.list --expires 365d
  sallyport trust add trust.list --key keys/alice.pub
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust revoke trust.list --key alice --reason "laptop stolen"
  sallyport run plugins/word-count --trust-list trust.list --call count`;
function addTrust(program2, context) {
  const trust = program2.command("trust").description("the encrypted trust list: init, add, set, remove, revoke, accept, rotate, list, show").addHelpText("after", withProgram(HELP4));
  addTrustInit(trust, context);
  addTrustAdd(trust, context);
  addTrustSet(trust, context);
  addTrustRemove(trust, context);
  addTrustRevoke(trust, context);
  addTrustAccept(trust, context);
  addTrustRotate(trust, context);
  addTrustList(trust, context);
  addTrustShow(trust, context);
}

// src/cli/verify/command.ts
function addVerify(program2, context) {
  const command = program2.command("verify").description("say who signed a bundle and whether it would load; exit 1 with the reason if not").argument("<dir>", "the folder of the bundle");
  addTrustOptions(command).action((dir, options) => verify2(dir, options, context));
}
async function verify2(dir, options, { output }) {
  const inspection = await inspectBundle(dir, trustedHostOptions(options, output));
  const { manifest, bundleHash, signers, statement, refusal, denial, launch } = inspection;
  if (refusal !== void 0) throw refusal;
  if (denial !== void 0) {
    if (!output.json) {
      for (const line of identity(inspection, output)) output.line(line);
    }
    throw denial;
  }
  const { name, version, dependencies = {} } = manifest;
  const { permissions, explanation, sandbox } = launch;
  const { items: _items, ...granted2 } = permissions;
  output.result({
    name,
    version,
    bundleHash,
    signers,
    createdAt: statement.createdAt,
    expiresAt: statement.expiresAt,
    wouldLoad: true,
    isolation: sandbox.launcher,
    permissions: granted2,
    dependencies
  }, () => [
    ...identity(inspection, output),
    ...explanation.map((line) => `  ${line}`),
    `${output.style("green", "It would load")}${loadingNotes(permissions, dependencies)}`
  ]);
}
function identity({ manifest, bundleHash, signers, statement }, output) {
  const names = signers.map(({ keyId: keyId2, name }) => name === void 0 ? keyId2 : `${keyId2} (${escapeText(name)})`);
  return [
    output.style("bold", `${manifest.name} ${manifest.version}`),
    ...columns([
      [
        "signed by",
        names.join(", ")
      ],
      [
        "signed at",
        statement?.createdAt
      ],
      [
        "expires",
        statement?.expiresAt ?? "never"
      ],
      [
        "bundle hash",
        bundleHash
      ]
    ])
  ];
}
function loadingNotes({ items, dropped }, dependencies) {
  const notes2 = [];
  if (items.length === 0 && dropped.length === 0) notes2.push("with nothing but its own bundle");
  const needed = Object.entries(dependencies).map(([name, range]) => `"${name}" ${range}`);
  if (needed.length > 0) notes2.push(`once ${needed.join(", ")} can be loaded, too`);
  return notes2.length === 0 ? "" : `, ${notes2.join(", ")}`;
}

// src/cli/program.ts
var SHOWN = /* @__PURE__ */ new Set([
  "commander.helpDisplayed",
  "commander.help",
  "commander.version"
]);
async function runCommand(args, io = processIo()) {
  const output = new Output(io, wantsJson(args));
  const prompter = io.terminal === void 0 ? void 0 : new Prompter(io.terminal, io);
  const program2 = createProgram({
    io,
    output,
    prompter
  });
  try {
    await program2.parseAsync([
      ...args
    ], {
      from: "user"
    });
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT_DONE;
    if (error instanceof BadFindings) return EXIT_FAILED;
    if (error instanceof CommanderError && SHOWN.has(error.code)) {
      if (error.exitCode === 0) return EXIT_DONE;
      if (!output.json) return EXIT_USAGE;
    }
    const command = commandNamed(program2, args);
    const failure2 = describeFailure(error, command);
    try {
      if (failure2.code === "internal") output.errorLine(readThrown(error).stack);
      output.failure(failure2);
    } catch (again) {
      if (!(again instanceof OutputClosed)) throw again;
    }
    return failure2.exitCode;
  }
}
function createProgram(context) {
  const { io } = context;
  const program2 = new Command("sallyport").description("Host for plugins that you do not trust: signed, sandboxed, least privilege").version(VERSION, "-V, --version", "print the version").option("--json", "print one JSON document on stdout").exitOverride().configureHelp({
    showGlobalOptions: true
  }).configureOutput({
    writeOut: (text2) => {
      const shown = text2 === `${VERSION}
` ? versions() : {
        help: text2
      };
      context.output.result(shown, () => [
        text2.trimEnd()
      ]);
    },
    writeErr: (text2) => {
      if (!context.output.json) io.writeErr(text2);
    },
    outputError() {
    },
    getOutHelpWidth: () => 100,
    getErrHelpWidth: () => 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false
  });
  askBeforeCommands(program2, context);
  addKeygen(program2, context);
  addHash(program2, context);
  addSign(program2, context);
  addVerify(program2, context);
  addInspect(program2, context);
  addRun(program2, context);
  addNew(program2, context);
  addTrust(program2, context);
  addAudit(program2, context);
  addQuarantine(program2, context);
  addTop(program2, context);
  addDoctor(program2, context);
  return program2;
}
function versions() {
  return {
    version: VERSION,
    deno: Deno.version.deno
  };
}
function commandNamed(program2, args) {
  const [first, second] = args.filter((arg) => arg !== "--json");
  const command = program2.commands.find((known) => known.name() === first);
  const inner = command?.commands.find((known) => known.name() === second);
  return inner === void 0 ? command?.name() : `${command.name()} ${inner.name()}`;
}
function wantsJson(args) {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}
export {
  runCommand
};
