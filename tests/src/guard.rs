//! Removes a server when its process ends, however it ends.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell that waits at the far end of a pipe. The pipe closes when this process ends, even by a signal that
/// cannot be caught; then the shell ends the server and removes its directory. A static is never dropped, so
/// the server that a process shares has no other way to go.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Promises that `dir` goes with this process.
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(dir)
            .current_dir("/")
            // A group of its own: an interrupt at the terminal must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Promises that the process `id` goes as well; `None` says that no process uses the directory.
    pub(crate) fn watch(&mut self, id: Option<u32>) -> io::Result<()> {
        let line = id.map_or_else(|| "-\n".to_owned(), |id| format!("{id}\n"));
        self.pipe.as_mut().map_or(Ok(()), |pipe| pipe.write_all(line.as_bytes()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}

/// The last line it has read is the server's number; `-` if no process is left; `+` at first, when other
/// programs may be at work in the directory. What outlives this process may go on writing for a moment, so
/// the directory is removed until it stays away.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
server=+
while read -r line; do server=$line; done
turns=0
if [ "$server" != - ] && [ "$server" != + ]; then
    kill -QUIT "$server"
    # It removes its own file last. A dead child may stay a zombie where nobody reaps orphans.
    while kill -0 "$server" && [ -e "$1/data/postmaster.pid" ] && [ "$turns" -lt 100 ]; do
        sleep 0.05
        turns=$((turns + 1))
    done
fi
rm -rf "$1"
while [ "$server" != - ] && sleep 0.3 && [ -e "$1" ] && [ "$turns" -lt 200 ]; do
    rm -rf "$1"
    turns=$((turns + 1))
done
"#;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn directory_goes_with_its_guard() {
        let dir = crate::scratch::create(None).unwrap();
        fs::write(dir.join("file"), "content").unwrap();
        drop(Guard::new(&dir).unwrap());
        assert!(!dir.exists());
    }

    #[test]
    fn process_goes_with_its_guard() {
        let dir = crate::scratch::create(None).unwrap();
        let mut sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut guard = Guard::new(&dir).unwrap();
        guard.watch(Some(sleeper.id())).unwrap();
        // Reaped from a thread, or the shell would wait for a zombie.
        let ended = std::thread::spawn(move || sleeper.wait().unwrap());
        drop(guard);
        assert!(!ended.join().unwrap().success());
    }
}
