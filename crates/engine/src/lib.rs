//! From due to done: timetable, execution, journal, use cases
