use super::*;
use Verdict::*;
use shared::stopwatch::Stopwatch;

/// One lesson in each demo, with these verdicts on the claims that matter.
fn lessons(verdicts: [Verdict; 6]) -> Vec<Lesson> {
    let lesson = |((claim, demo), verdict): (&(&str, &str), Verdict)| {
        let finding = Judgement::new("", "", (verdict, "why")).on(claim, "");
        let json = format!(
            r#"{{"name":"{demo}/notebook","about":"","runs":[],"findings":[],
            "settings":{{"tasks":1,"url":null,"embedded":false,"delay_ms":null}}}}"#
        );
        let mut lesson: Lesson = serde_json::from_str(&json).unwrap();
        lesson.findings.push(finding);
        lesson
    };
    CLAIMS.iter().zip(verdicts).map(lesson).collect()
}

/// The matrix with these speed-ups, in the order of the models.
fn matrix(waiting: [f64; 5], computing: [f64; 5]) -> Matrix {
    let cell = |((model, _), faster): ((&'static str, _), f64)| Cell {
        model,
        wall_ms: 100.0,
        faster,
        predicted: None,
        peak_rss_kib: None,
    };
    let cells = |source: Source, faster| source.into_iter().zip(faster).map(cell).collect();
    Matrix { waiting: cells(WAITING, waiting), computing: cells(COMPUTING, computing) }
}

/// Would be wrong: a choice that rests on a claim which does not hold or was not tested, or on
/// figures that say otherwise.
#[test]
fn the_choice_is_as_good_as_its_claims() {
    let (waiting, computing) = ([1.0, 9.8, 8.9, 9.9, 2.0], [1.0, 1.9, 1.8, 1.0, 1.9]);
    let sound = matrix(waiting, computing);
    let verdict = |lessons: &[Lesson]| sound.finding(lessons).verdict;
    assert_eq!(verdict(&lessons([Holds; 6])), Holds);
    let fails = lessons([Holds, Holds, NotShown, Holds, Holds, Fails]);
    assert_eq!(verdict(&fails), Fails);
    let not_shown = lessons([Holds, Holds, Holds, Holds, NotShown, Holds]);
    assert_eq!(verdict(&not_shown), NotShown);
    assert_eq!(verdict(&not_shown[..4]), NotShown);
    for odd in [matrix(computing, computing), matrix(waiting, waiting)] {
        assert_eq!(odd.finding(&lessons([Holds; 6])).verdict, NotShown);
    }
    let none = Matrix::of(&lessons([Holds; 6]));
    assert_eq!(none.finding(&lessons([Holds; 6])).verdict, NotShown);
    let choice = sound.finding(&lessons([Holds; 6])).because;
    assert!(choice.contains("async") || choice.contains("threads"), "{choice}");
}

/// A run of `model`, so long; `predicted_ms` is what was expected of it.
fn run(model: &str, wall_ms: f64, predicted_ms: impl Into<Option<f64>>) -> Run {
    let run = Stopwatch::start().stop(model, 0, Vec::new()).unwrap();
    let predicted_ms = predicted_ms.into();
    Run { wall_ms, predicted_ms, ..run }
}

/// Would be wrong: the figures of another lesson or another model, or factors by another lesson's
/// sequential run.
#[test]
fn each_model_has_the_figures_of_its_own_lesson() {
    let mut lessons = lessons([Holds; 6]);
    lessons.dedup_by(|a, b| a.name == b.name);
    let waits = Lesson { name: "cpu-bound-demo/waits".into(), ..lessons[3].clone() };
    lessons.push(waits);
    let runs = |sequential: f64, others: Vec<Run>| {
        let mut runs = others;
        runs.push(run("sequential", sequential, 50.0)); // Nothing is predicted of itself.
        runs
    };
    lessons[0].runs = runs(100.0, vec![run("threads", 50.0, 25.0)]);
    lessons[1].runs = runs(60.0, vec![run("processes", 24.0, None)]);
    lessons[2].runs = vec![run("async", 10.0, 10.0)]; // And nothing to compare it with.
    lessons[4].runs = runs(90.0, vec![run("rayon", 60.0, 45.0)]);
    let four = ["async", "threads", "processes", "rayon"].map(|model| run(model, 80.0, 40.0));
    lessons[3].runs = runs(80.0, four.to_vec());
    let matrix = Matrix::of(&lessons);
    assert_eq!(matrix.waiting[1].wall_ms, 50.0);
    let figures = matrix.figures();
    let rows = [("Waiting", 4), ("Computing", 5)];
    let points = [
        ("sequential", 1.0, None),
        ("threads", 2.0, Some(4.0)),
        ("processes", 2.5, None),
        ("rayon", 1.5, Some(2.0)),
        ("sequential", 1.0, None),
        ("threads", 1.0, Some(2.0)),
        ("processes", 1.0, Some(2.0)),
        ("async", 1.0, Some(2.0)),
        ("rayon", 1.0, Some(2.0)),
    ];
    let drawn = figures.iter().flat_map(|figure| &figure.points);
    let drawn: Vec<_> =
        drawn.map(|point| (&*point.label, point.measured.unwrap(), point.predicted)).collect();
    assert_eq!(drawn, points);
    assert_eq!(figures.len(), 2);
    for (figure, (work, cells)) in figures.iter().zip(rows) {
        assert!(figure.name.starts_with(work) && figure.points.len() == cells);
    }
}

/// Would be wrong: 1.5 times counts as faster, a bit more does not, or a model is expected to be what
/// it is not.
#[test]
fn faster_is_told_exactly_at_its_limit() {
    let slow = 1.5;
    let fast = 1.5625;
    let waiting = [slow, fast, fast, fast, slow];
    let computing = [slow, fast, fast, slow, fast];
    let verdict = |matrix: &Matrix| matrix.finding(&lessons([Holds; 6])).verdict;
    assert_eq!(verdict(&matrix(waiting, computing)), Holds);
    let other = |faster: f64| if faster == slow { fast } else { slow };
    for model in 0..5 {
        let (mut waits, mut computes) = (waiting, computing);
        waits[model] = other(waits[model]);
        computes[model] = other(computes[model]);
        // How many waits rayon can hold depends on the cores.
        let allowed = if model == 4 { Holds } else { NotShown };
        assert_eq!(verdict(&matrix(waits, computing)), allowed, "{model}");
        assert_eq!(verdict(&matrix(waiting, computes)), NotShown, "{model}");
        let mut lacks = [matrix(waiting, computing), matrix(waiting, computing)];
        lacks[0].waiting.remove(model);
        lacks[1].computing.remove(model);
        assert_eq!(lacks.each_ref().map(verdict), [NotShown; 2], "{model}");
    }
    let told = matrix([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 9.5]);
    let told = told.finding(&lessons([Holds; 6]));
    assert_eq!(
        told.measured,
        "waiting: sequential 1.0, threads 2.0, processes 3.0, async 4.0, rayon 5.0; \
        computing: sequential 6.0, threads 7.0, processes 8.0, async 9.0, rayon 9.5"
    );
    assert!(told.because.contains("disturbed"), "{told:?}");
}

/// Would be wrong: a model that is too slow or needs more memory is chosen, or chance decides between
/// two that need as much.
#[test]
fn of_the_fastest_the_one_with_the_least_memory_is_chosen() {
    // Speed-up and memory in KiB of threads, processes, async and rayon: and which is chosen where
    // tasks wait, and where they compute.
    let table = [
        // The fastest, if nobody knows how much memory any needs.
        ([8.0, 9.0, 10.0, 1.0], [None; 4], ["async", "async"]),
        // Four fifths of the fastest are as good, and a bit less is not.
        (
            [10.0, 8.0, 9.0, 1.0],
            [Some(9000), Some(4000), None, Some(1)],
            ["processes", "processes"],
        ),
        ([10.0, 7.9375, 9.0, 1.0], [Some(9000), Some(4000), None, Some(1)], ["threads", "threads"]),
        // Within the same 4 MiB the faster one is chosen, beyond them the cheaper one.
        ([9.0, 10.0, 1.0, 1.0], [Some(4096), Some(8191), None, None], ["processes", "processes"]),
        ([9.0, 10.0, 1.0, 1.0], [Some(8191), Some(8192), None, None], ["threads", "threads"]),
        // A rayon that waits takes threads away from those that compute.
        ([9.0, 9.0, 9.5, 10.0], [Some(9000), Some(9000), Some(9000), Some(1)], ["async", "rayon"]),
    ];
    for (faster, memory, [waiting, computing]) in table {
        let [a, b, c, d] = faster;
        let mut matrix = matrix([1.0, a, b, c, d], [1.0, a, b, c, d]);
        for cells in [&mut matrix.waiting, &mut matrix.computing] {
            let memory = [&[None][..], &memory].concat();
            (cells.iter_mut().zip(memory)).for_each(|(cell, kib)| cell.peak_rss_kib = kib);
        }
        assert_eq!(
            matrix.choice(),
            format!(
                "of the fastest, with the least memory: {waiting} (100 ms) for work that waits, \
                {computing} (100 ms) for work that computes"
            )
        );
    }
    let none = matrix([1.0; 5], [1.0; 5]);
    let none = Matrix { waiting: Vec::new(), ..none };
    assert!(none.choice().contains("unknown for work that waits"));
}

/// Would be wrong: a doubt that hides a failure, another claim's reason, or the word of a demo that
/// did not put the claim to the test.
#[test]
fn the_worst_of_the_claims_is_named_first() {
    let told = |lessons: &[Lesson]| doubts(lessons);
    let why = |verdict, why: &str| Some((verdict, why.to_string()));
    assert_eq!(told(&lessons([Holds; 6])), None);
    let mixed = lessons([Holds, NotShown, NotShown, Fails, Fails, Holds]);
    assert_eq!(told(&mixed), why(Fails, "G4: why"));
    let unsure = lessons([Holds, NotShown, NotShown, Holds, Holds, Holds]);
    assert_eq!(told(&unsure), why(NotShown, "P1: why"));
    let none = lessons([Holds; 6]);
    let missing = why(NotShown, "there is no finding on P3");
    assert_eq!(told(&none[..5]), missing);
    let mut elsewhere = none;
    elsewhere[5].name = "process-demo/notebook".into();
    assert_eq!(told(&elsewhere), missing);
}
