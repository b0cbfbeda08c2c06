/** What to do where the process has reached its limit of open files, sockets among them (EMFILE). */
export const openFilesHint = 'too many files are open at once: raise the limit (ulimit -n) to 1,024 or more';
