//! Files that the options name: refused before any work, saved whole or not at all.

use std::fs;

use shared::os::child::ChildExit;

use crate::support::demo::{DEMOS, demo, demo_under, run};
use crate::support::workspace::{binary, scratch};

/// Each option that names a file, with the demos that have it.
const OPTIONS: [(&str, &[&str]); 3] =
    [("--html", &DEMOS), ("--trace", &DEMOS), ("--png", &["cpu-bound-demo"])];

#[test]
fn unwritable_files_are_refused() {
    let directory = scratch("unwritable files");
    let missing = directory.join("missing").join("file");
    let read_only = directory.join("read-only");
    fs::write(&read_only, "old").unwrap();
    let mut permissions = fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&read_only, permissions).unwrap();
    // A device must not be replaced by a picture.
    let device = if cfg!(unix) { "/dev/null" } else { "" };
    let bad = [&missing, &directory, &read_only].map(|path| path.to_str().unwrap());
    for (option, demos) in OPTIONS {
        for name in demos {
            for bad in bad.into_iter().chain([device, ""]) {
                let output = run(&mut demo(name, &["-n", "2", option, bad]));
                assert_eq!(
                    (output.exit, output.stdout.as_str()),
                    (ChildExit::Code(2), ""),
                    "{bad}"
                );
                assert!(output.stderr.contains(option), "{}", output.stderr);
            }
        }
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn two_options_cannot_share_a_file() {
    let directory = scratch("one file twice");
    let file = directory.join("both").display().to_string();
    let detour = directory.join(".").join("both").display().to_string();
    for (second, path) in [("--trace", &file), ("--trace", &detour), ("--png", &file)] {
        let words = ["--html", &file, second, path];
        let output = run(&mut demo("cpu-bound-demo", &words));
        assert_eq!(output.exit, ChildExit::Code(2), "{second} {path}");
        let why = format!("--html and {second} name the same file");
        assert!(output.stderr.contains(&why), "{}", output.stderr);
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn png_is_saved_whole() {
    let directory = scratch("png");
    let file = directory.join("picture.png");
    fs::write(&file, "old").unwrap();
    let words = ["-n", "40", "--png", file.to_str().unwrap()];
    assert_eq!(run(&mut demo("cpu-bound-demo", &words)).exit, ChildExit::Code(0));
    let png = fs::read(&file).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&png[16..24], [0, 0, 0, 60, 0, 0, 0, 40], "60 by 40 pixels");
    assert_eq!(&png[png.len() - 8..][..4], b"IEND");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn failed_save_keeps_the_old_file() {
    let directory = scratch("failed save");
    for (option, _) in OPTIONS {
        let file = directory.join(option);
        fs::write(&file, "old").unwrap();
        // No file may be longer than a block, as on a full disk.
        let limit = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
        let words = ["-n", "100", option, file.to_str().unwrap()];
        let starter = ["sh", "-c", limit, "sh"];
        let output = run(&mut demo_under(&starter, "cpu-bound-demo", &words));
        assert_eq!(output.exit, ChildExit::Code(4), "{}", output.stderr);
        assert!(output.stderr.contains("cannot write /"), "{}", output.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        fs::remove_file(&file).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn kill_during_save_keeps_file() {
    let file = scratch("killed during save").join("old.png");
    fs::write(&file, "as it was").unwrap();
    let words = ["-n", "200", "--png", file.to_str().unwrap()];
    // The OS kills a program that writes more than allowed: here, after 4 KiB of the picture.
    let output = run(&mut demo_under(&["prlimit", "--fsize=4096"], "cpu-bound-demo", &words));
    assert!(matches!(output.exit, ChildExit::Signal(_)), "{}", output.exit);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_keeps_the_old_file() {
    // A disk of our own, with room for the old file and little else.
    let script = r#"mount -t tmpfs -o size=8k none "$1" || exit 77
        echo as it was >"$1/old.png"; "$2" -n 200 --png "$1/old.png"; echo "code $?"
        cat "$1/old.png"; ls "$1" | wc -l"#;
    let mut mount = std::process::Command::new("unshare");
    mount.args(["--mount", "sh", "-c", script, "sh"]).arg(scratch("small disk"));
    let output = run(mount.arg(binary("cpu-bound-demo")));
    if output.exit == ChildExit::Code(77) || output.stderr.contains("unshare") {
        return crate::support::trial::skipped("mounting a disk needs root");
    }
    assert!(output.stdout.ends_with("code 4\nas it was\n1\n"), "{output:?}");
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);
}

#[test]
#[cfg(unix)]
fn link_to_itself_is_refused() {
    let directory = scratch("link to itself");
    let link = directory.join("link");
    std::os::unix::fs::symlink("link", &link).unwrap();
    let (link, slash) = (link.to_str().unwrap(), format!("{}/new/", directory.display()));
    for (option, _) in OPTIONS {
        for bad in [link, &slash] {
            let output = run(&mut demo("cpu-bound-demo", &["-n", "2", option, bad]));
            assert_eq!(output.exit, ChildExit::Code(2), "{bad}: {}", output.stderr);
        }
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
#[cfg(unix)]
fn file_of_stdout_is_refused() {
    let file = scratch("file of stdout").join("report");
    for (option, _) in OPTIONS {
        for path in [file.to_str().unwrap(), "/dev/stdout"] {
            let redirected = "file=$1; shift; exec \"$@\" >\"$file\"";
            let starter = ["sh", "-c", redirected, "sh", file.to_str().unwrap()];
            let words = ["-n", "2", option, path];
            let output = run(&mut demo_under(&starter, "cpu-bound-demo", &words));
            assert_eq!(output.exit, ChildExit::Code(2), "{path}: {}", output.stderr);
            assert!(output.stderr.contains("stdout is written to this file"), "{}", output.stderr);
        }
    }
}

#[test]
fn longest_file_name_is_written() {
    let directory = scratch("longest name");
    let file = directory.join("x".repeat(255));
    let output = run(&mut demo("cpu-bound-demo", &["-n", "2", "--html", file.to_str().unwrap()]));
    assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    let longer = directory.join("x".repeat(256));
    let output = run(&mut demo("cpu-bound-demo", &["-n", "2", "--html", longer.to_str().unwrap()]));
    assert_eq!(output.exit, ChildExit::Code(2), "{}", output.stderr);
}

#[test]
fn option_is_no_file_name() {
    for words in [&["--html", "-"][..], &["--html", "--trace"], &["--trace", "-x"]] {
        let output = run(demo("threads-demo", &["-n", "1"]).args(words));
        assert_eq!((output.exit, output.stdout.as_str()), (ChildExit::Code(2), ""), "{words:?}");
        assert!(output.stderr.contains(words[0]), "{}", output.stderr);
    }
}

#[test]
#[cfg(unix)]
fn file_is_written_through_links() {
    let directory = scratch("links");
    let (link, target) = (directory.join("link"), directory.join("target"));
    std::os::unix::fs::symlink("target", &link).unwrap();
    for content in ["none yet", "an old one"] {
        let words = ["-n", "1", "--delay", "1ms", "--html", link.to_str().unwrap()];
        run(&mut demo("threads-demo", &words));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "{content}");
        assert!(fs::read_to_string(&target).unwrap().starts_with("<!DOCTYPE html>"), "{content}");
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn file_is_written_through_its_mount() {
    let directory = scratch("mount");
    let [inside, outside] = ["inside", "outside"].map(|name| directory.join(name));
    fs::write(&inside, "old").unwrap();
    fs::write(&outside, "old").unwrap();
    let script = r#"mount --bind "$1" "$2" || exit 77; "$0" -n 1 --delay 1ms --html "$2""#;
    let mut mount = std::process::Command::new("unshare");
    mount.args(["--mount", "sh", "-c", script]).arg(binary("threads-demo"));
    let output = run(mount.arg(&outside).arg(&inside));
    if output.exit == ChildExit::Code(77) || output.stderr.contains("unshare") {
        return crate::support::trial::skipped("a bind mount needs the right to mount");
    }
    assert!(fs::read_to_string(&outside).unwrap().starts_with("<!DOCTYPE"), "{}", output.stderr);
}
